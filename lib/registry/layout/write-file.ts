import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError } from './file-error.ts';

/** Folder of a layout for files that are being written; it is on the same file system as their final place. */
const ingest = '.ingest';
/** Milliseconds after which such a file belongs to nobody any more: its writer was killed. */
const abandonedAfter = 60 * 60 * 1000;

/**
 * Writes a file whole or not at all: to a temporary name, flushed to the disk, renamed to its place, and the rename flushed too.
 * A failure of the content or the disk leaves nothing behind; a process killed in the middle leaves a temporary file, which
 * {@link sweepIngest} removes. Rejects with Unavailable, naming the file.
 */
export async function writeFileWhole(
  root: string,
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
): Promise<void> {
  const temporary = join(root, ingest, randomBytes(12).toString('hex'));
  try {
    await mkdir(join(root, ingest), { recursive: true });
    await mkdir(dirname(path), { recursive: true });
    const file = await open(temporary, 'wx', 0o644);
    try {
      if (content instanceof Uint8Array) await file.writeFile(content);
      else for await (const piece of content) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw fileError(path, error);
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
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
