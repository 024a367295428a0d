import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs an action, and then removes the file or directory at `path` if it exists, also if a signal
 * ends the process (Ctrl-C, the end of a CI job). The process still ends by that signal.
 */
export async function removedAfter<T>(path: string, action: () => Promise<T>): Promise<T> {
  const leave = (): void => {
    for (const signal of signals) process.off(signal, end);
  };
  const end = (signal: NodeJS.Signals): void => {
    leave();
    // A file that is written at this moment may make the directory fill again.
    rmSync(path, { recursive: true, force: true, maxRetries: 5 });
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
