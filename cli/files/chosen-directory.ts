import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeDirectory } from '#lib/files/make-directory';

/**
 * Creates a directory that a person named on the command line, unless it exists. Throws
 * InvalidInput, naming the file if one is in the way.
 */
export async function makeChosenDirectory(directory: string, mode?: number): Promise<void> {
  try {
    await makeDirectory(directory, mode);
  } catch (cause) {
    const file = await fileIn(directory);
    if (file === undefined) {
      throw new FairleadError('InvalidInput', `cannot create the directory ${directory}`, {
        cause,
        ...fileHint(cause),
      });
    }
    throw new FairleadError('InvalidInput', `cannot create the directory ${directory}: ${file} is not a directory`, {
      cause,
      hint: 'Name another directory, or move the file away.',
    });
  }
}

/** Returns the file on the way to a path that is not a directory. */
async function fileIn(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) return found.isDirectory() ? undefined : path;
  return dirname(path) === path ? undefined : fileIn(dirname(path));
}
