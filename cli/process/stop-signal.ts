import { once } from 'node:events';

/**
 * Resolves when the process is told to stop (SIGTERM, or SIGINT from the terminal). Ask before the
 * start, so that no signal is lost; the second signal ends the process at once, as signals do.
 */
export async function stopSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
}

/**
 * Calls `reload` each time the process is told to read its configuration again (SIGHUP). Ask before
 * the start, since the signal ends a process that does not expect it: what comes before the
 * returned function was called with `reload` is made up for then.
 */
export function onReload(): (reload: () => Promise<void>) => void {
  let reload: (() => Promise<void>) | undefined;
  let missed = false;
  process.on('SIGHUP', () => {
    if (reload === undefined) missed = true;
    else void reload();
  });
  return (given) => {
    reload = given;
    if (missed) void reload();
  };
}
