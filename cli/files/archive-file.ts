import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { loadArchive, saveArchive } from '#lib/registry/layout/archive';
import { unreadable, unwritable } from './files.ts';
import { removedAfter } from './removed-after.ts';

/** The largest archive that is loaded, in bytes: profiles are small, and disks are not endless. */
const archiveLimit = 1024 ** 3;

/**
 * Writes a repository of a layout directory as an archive, completely or not at all. Throws
 * InvalidInput if the file cannot be written.
 */
export async function writeArchive(file: string, directory: string, name: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  try {
    await removedAfter(temporary, async () => {
      // Flushed to the disk before the rename.
      await saveArchive(directory, name, createWriteStream(temporary, { flags: 'wx', mode: 0o644, flush: true }));
      await rename(temporary, file);
    });
  } catch (cause) {
    if (cause instanceof FairleadError && cause.kind !== 'Unavailable') throw cause;
    throw unwritable(file, cause instanceof FairleadError ? cause.cause : cause);
  }
}

/**
 * Reads an archive of at most 1 GiB into a repository of a layout directory. Throws InvalidInput if
 * the file cannot be read or is not an archive.
 */
export async function readArchive(file: string, directory: string, name: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (cause) {
    throw unreadable(file, cause);
  }
  await loadArchive(createReadStream('', { fd: handle }), directory, name, { limit: archiveLimit, origin: file });
}
