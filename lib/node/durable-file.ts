import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FairleadError } from '#lib/errors';

/**
 * Writes a file so that it is there whole or not at all, whatever ends the process or the machine: into `temporaryFolder`
 * (on the same file system), flushed, renamed to `path`, and the rename flushed.
 * Throws LimitExceeded where the disk is full, Internal for other failures; nothing is left behind then.
 */
export async function writeDurably(
  path: string,
  bytes: Uint8Array,
  { temporaryFolder, mode }: { temporaryFolder: string; mode: number },
): Promise<void> {
  const temporary = join(temporaryFolder, randomBytes(12).toString('hex'));
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw storageError(path, error);
  }
}

/** Flushes a folder, so that names made or removed in it outlast a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function storageError(path: string, cause: unknown): FairleadError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new FairleadError('LimitExceeded', `${path}: no space left to store it`, {
      cause,
      hint: 'Free some space on the file system of the state folder; nothing half-written was left there.',
    });
  }
  return new FairleadError(
    'Internal',
    `${path}: cannot be written: ${cause instanceof Error ? cause.message : cause}`,
    {
      cause,
      hint: 'Check that the state folder exists, is writable for this process, and is not mounted read-only.',
    },
  );
}
