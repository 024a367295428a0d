import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { openFileLock } from '#lib/files/file-lock';

/**
 * Holds a folder for this process until the returned function is called, or the process ends.
 * Throws Conflict where somebody else holds it.
 */
export async function lockFolder(folder: string): Promise<() => void> {
  const path = join(folder, 'lock');
  const lock = await openFileLock(path);
  let held = false;
  try {
    held = lock.tryHold();
  } finally {
    if (!held) lock.release();
  }
  if (held) return () => lock.release();
  throw new FairleadError('Conflict', `the state folder ${folder} is in use by another process`, {
    hint: `Give each shim its own --state folder, or stop the other one (fuser ${path} names it).`,
  });
}
