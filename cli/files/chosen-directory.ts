import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { makeFolder } from '#lib/files/make-folder';

/**
 * Makes a folder that a person named on the command line, where it is not there yet. Throws
 * InvalidInput naming it, and what is no folder.
 */
export async function makeChosenDirectory(folder: string, mode?: number): Promise<void> {
  try {
    await makeFolder(folder, mode);
  } catch (cause) {
    const file = await fileIn(folder);
    if (file === undefined) {
      throw new FairleadError('InvalidInput', `cannot make the folder ${folder}`, { cause, ...fileHint(cause) });
    }
    throw new FairleadError('InvalidInput', `cannot make the folder ${folder}: ${file} is not a folder`, {
      cause,
      hint: 'Name a folder, which is made where it is not there, or move the file away.',
    });
  }
}

/** What is there on the way to a path, and is no folder. */
async function fileIn(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined) return found.isDirectory() ? undefined : path;
  return dirname(path) === path ? undefined : fileIn(dirname(path));
}
