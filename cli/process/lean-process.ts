import { isSea } from 'node:sea';

/**
 * By default, V8 lets the young generation grow to 48 MiB, and a process that forwards messages
 * fills and keeps it. With 1 MiB the shim needs 10 MiB less when idle and 100 MiB less under load,
 * and answers as fast. A service that receives profiles of 1 MiB grows by 9 MiB instead of 17.
 */
const flag = '--max-semi-space-size=1';

/**
 * Makes this a process that needs little memory: replaces it by the same program and arguments with
 * a V8 flag that can only be set at the start. The process keeps its id, environment and standard
 * streams. Does nothing if the flag is set already, or if the system cannot do it.
 */
export function becomeLean(): void {
  const { argv, env, execArgv, execPath, execve } = process;
  const options = env['NODE_OPTIONS'] ?? '';
  // Set by the user, or by us.
  if (/--max[-_]semi[-_]space[-_]size/.test(`${options} ${execArgv.join(' ')}`) || execve === undefined) return;
  // An executable of its own takes options of Node from the environment only.
  const script = isSea() ? [] : argv.slice(1, 2);
  execve.call(process, execPath, [execPath, ...execArgv, ...script, ...argv.slice(2)], {
    ...env,
    NODE_OPTIONS: `${options} ${flag}`.trim(),
  });
}
