import { once } from 'node:events';

/**
 * Resolves when the process receives SIGTERM or SIGINT. Call it before the start, so that no signal
 * is lost. A second signal ends the process at once.
 */
export async function stopSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
}

/**
 * Returns a function that takes `reload`, which is called for each SIGHUP. Call onReload before the
 * start, since SIGHUP ends a process without a handler: a signal that comes before `reload` is
 * known leads to one call when it is.
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
