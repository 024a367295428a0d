import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unfinished } from './unfinished.ts';

/** How a file is written. */
export interface WriteOptions {
  readonly temporaryDirectory: string;
  readonly mode: number;
  readonly flush?: boolean;
}

/**
 * Writes a file as a whole or not at all, whatever ends the process or the machine: to a new name
 * in `temporaryDirectory` (on the same file system), flushed, renamed to `path`, and the rename
 * flushed. Without `flush`, a power failure may lose it or leave it empty. Rejects with the error
 * of the file system or of the content; then nothing remains, unless the process ends without
 * removeUnfinished.
 */
export async function writeWhole(
  path: string,
  content: AsyncIterable<Uint8Array> | Uint8Array,
  { temporaryDirectory, mode, flush = true }: WriteOptions,
): Promise<void> {
  const temporary = join(temporaryDirectory, randomBytes(12).toString('hex'));
  unfinished.add(temporary);
  try {
    // Created at once: a thread that creates it later might do so after removeUnfinished.
    closeSync(openSync(temporary, 'wx', mode));
    const file = await open(temporary, constants.O_WRONLY);
    try {
      if (content instanceof Uint8Array) await file.writeFile(content);
      else for await (const piece of content) await file.writeFile(piece);
      if (flush) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    if (flush) await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw naming(path, error, temporary);
  } finally {
    unfinished.delete(temporary);
  }
}

/**
 * Returns an error of the file system with the name of a file in place of that of the temporary
 * file that is written for it, which users do not know. Other errors are returned as they are.
 */
export function naming(path: string, error: unknown, temporary: string): unknown {
  if (!(error instanceof Error) || !('path' in error) || error.path !== temporary) return error;
  error.path = path;
  error.message = error.message.replace(`'${temporary}' -> `, '').replace(temporary, path);
  return error;
}

/** Flushes a directory, so that names created or removed in it survive a power failure. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
