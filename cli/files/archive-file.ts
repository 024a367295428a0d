import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { FairleadError } from '#lib/errors';
import { placeToWrite } from '#lib/files/place-to-write';
import { naming } from '#lib/files/write-whole';
import { loadArchive, saveArchive } from '#lib/registry/layout/archive';
import { openInPlace, unreadable, unwritable } from './files.ts';
import { removedAfter } from './removed-after.ts';

/** The largest archive that is loaded, in bytes: profiles are small, and disks are not endless. */
const archiveLimit = 1024 ** 3;

/**
 * Writes a repository of a layout directory as an archive, completely or not at all, unless it is a
 * device or a pipe. Throws InvalidInput if the file cannot be written.
 */
export async function writeArchive(file: string, directory: string, name: string): Promise<void> {
  const place = await placeToWrite(file);
  const temporary = `${place.path}.${randomBytes(6).toString('hex')}`;
  try {
    if (place.isReplaced) {
      await removedAfter(temporary, async () => {
        // Flushed to the disk before the rename.
        await saveArchive(directory, name, createWriteStream(temporary, { flags: 'wx', mode: 0o644, flush: true }));
        await rename(temporary, place.path);
      });
    } else {
      await saveArchive(directory, name, createWriteStream('', { fd: await openInPlace(place.path) }));
    }
  } catch (cause) {
    if (cause instanceof FairleadError && cause.kind !== 'Unavailable') throw cause;
    const reason = cause instanceof FairleadError ? cause.cause : cause;
    throw unwritable(file, naming(file, reason, temporary));
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
