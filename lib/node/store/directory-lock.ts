import { chmod, lstat, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { openFileLock } from '#lib/files/file-lock';

/**
 * Holds a directory for this process until the returned function is called, or the process ends.
 * The lock is a file that only its owner can open: a user who can read it can hold it against the
 * owner. One that others could open, as older releases made it, is replaced once it is held, since
 * they may have it open still. Throws Conflict if another process holds it.
 */
export async function lockDirectory(directory: string): Promise<() => void> {
  const path = join(directory, 'lock');
  await makePrivate(path);
  const { mode, uid } = await lstat(path);
  const wasPrivate = (mode & 0o077) === 0 && uid === process.getuid?.();
  // No other user opens it from now on.
  if (!wasPrivate) await chmod(path, 0o600);
  const release = await hold(directory, path);
  if (wasPrivate) return release;
  try {
    const fresh = `${path}.new`;
    await rm(fresh, { force: true });
    await makePrivate(fresh);
    const releaseFresh = await hold(directory, fresh);
    await rename(fresh, path);
    return () => {
      release();
      releaseFresh();
    };
  } catch (error) {
    release();
    throw error;
  }
}

/**
 * Creates an empty file that only its owner can open, if none exists. An existing one is not
 * opened: closing it would release its lock.
 */
async function makePrivate(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

async function hold(directory: string, path: string): Promise<() => void> {
  const lock = await openFileLock(path);
  let held = false;
  try {
    held = lock.tryHold();
  } finally {
    if (!held) lock.release();
  }
  if (held) return () => lock.release();
  throw new FairleadError('Conflict', `the state directory ${directory} is in use by another process`, {
    hint: `Give each shim its own \`state\` directory, or stop the other one (fuser ${path} shows it).`,
  });
}
