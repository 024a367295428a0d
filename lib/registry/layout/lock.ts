import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import { type FileLock, openFileLock } from '#lib/files/file-lock';
import { fileError } from './file-error.ts';

const longestWait = 30_000;

/**
 * Runs an action while no other process, and no other caller in this one, runs one for the same
 * directory. Rejects with Unavailable if the lock is not free within 30 seconds.
 */
export async function withLock<T>(directory: string, action: () => Promise<T>): Promise<T> {
  const path = join(directory, '.lock');
  const lock = await openFileLock(path).catch((error: unknown) => {
    throw fileError(path, error);
  });
  try {
    const began = performance.now();
    for (let wait = 1; !tryHold(lock, path); wait = Math.min(wait * 2, 32)) {
      if (performance.now() - began > longestWait) {
        throw new FairleadError(
          'Unavailable',
          `${directory}: another process has held its lock for ${longestWait / 1000} s`,
          { hint: 'Find the process that has the file .lock open in that directory (fuser, lsof).' },
        );
      }
      await delay(wait * (0.5 + Math.random()));
    }
    return await action();
  } finally {
    lock.release();
  }
}

function tryHold(lock: FileLock, path: string): boolean {
  try {
    return lock.tryHold();
  } catch (error) {
    throw fileError(path, error);
  }
}
