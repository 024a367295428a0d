import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs an action and removes the file or folder at `path` afterwards, if it is there: also where a
 * signal ends the process in the middle, as Ctrl-C and a CI job's end do. The process then ends by
 * that signal, as it would have without this.
 */
export async function removedAfter<T>(path: string, action: () => Promise<T>): Promise<T> {
  const leave = (): void => {
    for (const signal of signals) process.off(signal, end);
  };
  const end = (signal: NodeJS.Signals): void => {
    leave();
    rmSync(path, { recursive: true, force: true });
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, end);
  try {
    return await action();
  } finally {
    await rm(path, { recursive: true, force: true });
    leave();
  }
}
