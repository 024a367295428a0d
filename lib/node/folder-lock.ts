import { join } from 'node:path';
import { FairleadError } from '#lib/errors';

/** SQLite's result code SQLITE_BUSY. */
const busy = 5;

/**
 * Holds a folder for this process until the returned function is called. The lock is the kernel's own on the file `lock`,
 * taken through SQLite since Node has no flock: it ends with the process, however that is killed, so it never goes stale.
 * Throws Conflict where somebody else holds it.
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const { DatabaseSync } = await import('node:sqlite');
  const lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    lock.close();
    if (!(cause instanceof Error && 'errcode' in cause && cause.errcode === busy)) throw cause;
    throw new FairleadError('Conflict', `the state folder ${folder} is in use by another process`, {
      cause,
      hint: `Give each shim its own --state folder, or stop the other one (fuser ${join(folder, 'lock')} names it).`,
    });
  }
  return () => lock.close();
}
