import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDirectory } from '#lib/files/make-directory';
import { writeWhole } from '#lib/files/write-whole';
import { fileError } from './file-error.ts';

/**
 * Directory of a layout for files that are being written, on the file system of their final place.
 */
const ingest = '.ingest';
/** Milliseconds after which such a file is abandoned: its writer was killed. */
const abandonedAfter = 60 * 60 * 1000;

/**
 * Writes a file of a layout as a whole or not at all, and the directories that it is in. If the
 * process is killed, a temporary file remains, which {@link sweepIngest} removes. Rejects with
 * Unavailable, with the name of the file, if the file system refuses.
 */
export async function writeFileWhole(
  root: string,
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const temporaryDirectory = join(root, ingest);
  try {
    await makeDirectory(temporaryDirectory);
    await makeDirectory(dirname(path));
    await writeWhole(path, content, { temporaryDirectory, mode: 0o644 });
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Removes temporary files whose writers were killed. `now` is in milliseconds since 1970. */
export async function sweepIngest(root: string, now: number): Promise<void> {
  const directory = join(root, ingest);
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const found = await stat(join(directory, name)).catch(() => undefined);
    if (found !== undefined && now - found.mtimeMs > abandonedAfter) await rm(join(directory, name), { force: true });
  }
}
