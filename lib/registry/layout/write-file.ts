import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '#lib/files/make-folder';
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
  const temporaryFolder = join(root, ingest);
  try {
    await makeFolder(temporaryFolder);
    await makeFolder(dirname(path));
    await writeWhole(path, content, { temporaryFolder, mode: 0o644 });
  } catch (error) {
    throw fileError(path, error);
  }
}

/** Removes temporary files whose writers were killed. `now` is in milliseconds since 1970. */
export async function sweepIngest(root: string, now: number): Promise<void> {
  const folder = join(root, ingest);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found !== undefined && now - found.mtimeMs > abandonedAfter) await rm(join(folder, name), { force: true });
  }
}
