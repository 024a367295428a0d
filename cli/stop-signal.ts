import { once } from 'node:events';

/**
 * Resolves when the process is told to stop (SIGTERM, or SIGINT from the terminal). Ask before the start, so that no signal
 * is lost; the second signal ends the process at once, as signals do.
 */
export async function stopSignal(): Promise<void> {
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
}
