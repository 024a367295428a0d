/**
 * V8 lets the young generation grow to 48 MiB before it collects it, which a process that passes
 * messages on fills with garbage and keeps. With 1 MiB the shim idles 10 MiB and serves 100 MiB
 * smaller, and answers no slower; and who uploads profiles of a mebibyte to the services makes them
 * grow by nine in place of seventeen.
 */
const flags = ['--max-semi-space-size=1'];

/**
 * Makes this a process for long service with little memory: the same program and arguments under
 * other V8 flags, which can only be given at the start. The process keeps its id, its environment
 * and its standard streams. Does nothing where it is one already, or where the system has no way to
 * do it; then it works the same in more memory.
 */
export function becomeLean(): void {
  if (flags.every((flag) => process.execArgv.includes(flag)) || process.execve === undefined) return;
  if (/--max-semi-space-size/.test(process.env['NODE_OPTIONS'] ?? '')) return; // somebody knows better
  process.execve(
    process.execPath,
    [process.execPath, ...process.execArgv, ...flags, ...process.argv.slice(1)],
    process.env,
  );
}
