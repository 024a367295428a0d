import { amd64, elsewhere, generic, i386 } from './syscall-table.ts';

const tables: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['SCMP_ARCH_X86_64', new Set(amd64)],
  ['SCMP_ARCH_X32', new Set(amd64)],
  ['SCMP_ARCH_X86', new Set(i386)],
  ['SCMP_ARCH_AARCH64', new Set(generic)],
  ['SCMP_ARCH_RISCV64', new Set(generic)],
  ['SCMP_ARCH_LOONGARCH64', new Set(generic)],
]);
const all: ReadonlySet<string> = new Set([...amd64, ...i386, ...generic, ...elsewhere]);

/**
 * Whether any of the architectures has the syscall. For architectures without a table of their own, and where none
 * is listed, every name counts that some architecture has.
 */
export function isKnownSyscall(name: string, architectures: readonly string[]): boolean {
  if (!all.has(name)) return false;
  return (
    architectures.length === 0 || architectures.some((architecture) => tables.get(architecture)?.has(name) ?? true)
  );
}

/** Every name that some architecture has. */
export function syscallNames(): Iterable<string> {
  return all;
}
