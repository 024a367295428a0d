import { setFlagsFromString } from 'node:v8';

/** V8's own value of the flag, which is restored: compiled code is used only under equal flags. */
const ordinaryBudget = 13_000_000;
const unreachableBudget = 1_000_000_000;

/**
 * Leaves WebAssembly that is compiled from now on as the first, fast compiler made it. The HTTP
 * parser of undici is one large function, which V8 optimizes after the first few hundred bytes:
 * this takes 40 ms of processor time and 20 MiB, and a process cannot exit before it is done. A
 * command that reads a few answers gains nothing from it.
 */
export function leaveWebAssemblyUnoptimized(): void {
  // The budget is a flag of the whole process, and a module takes it over when it is made.
  const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: new (...args: unknown[]) => object } };
  WebAssembly.Module = new Proxy(WebAssembly.Module, {
    construct(target, args, newTarget) {
      setFlagsFromString(`--wasm-tiering-budget=${unreachableBudget}`);
      try {
        return Reflect.construct(target, args, newTarget);
      } finally {
        setFlagsFromString(`--wasm-tiering-budget=${ordinaryBudget}`);
      }
    },
  });
}
