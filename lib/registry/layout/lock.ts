import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FairleadError } from '#lib/errors';
import { fileError } from './file-error.ts';

/** SQLite's result code SQLITE_BUSY. */
const busy = 5;
const longestWait = 30_000;

/**
 * Runs an action while no other process (and no other caller in this one) runs one for the same folder.
 *
 * The lock is the kernel's own on the file `.lock`, taken through SQLite since Node has no flock: it ends with the process that holds it,
 * however that is killed, so it never goes stale and nobody ever has to guess whether it has. The file stays empty.
 * Rejects with Unavailable where the lock is not free within 30 seconds.
 */
export async function withLock<T>(folder: string, action: () => Promise<T>): Promise<T> {
  const { DatabaseSync } = await import('node:sqlite');
  const path = join(folder, '.lock');
  const open = (): InstanceType<typeof DatabaseSync> => {
    try {
      return new DatabaseSync(path, { timeout: 0 });
    } catch (error) {
      throw fileError(path, error);
    }
  };
  const lock = open();
  try {
    const began = performance.now();
    for (let wait = 1; !tryBegin(lock, path); wait = Math.min(wait * 2, 32)) {
      if (performance.now() - began > longestWait) {
        throw new FairleadError(
          'Unavailable',
          `${folder}: another process has held its lock for ${longestWait / 1000} s`,
          {
            hint: 'Find the process that has the file .lock open there (fuser, lsof).',
          },
        );
      }
      await delay(wait * (0.5 + Math.random()));
    }
    return await action();
  } finally {
    lock.close();
  }
}

function tryBegin(lock: { exec(sql: string): void }, path: string): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return false;
    throw fileError(path, error);
  }
}
