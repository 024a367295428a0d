import { readdir } from 'node:fs/promises';
import { isExhausted, toFairleadError } from '#lib/errors';

/**
 * Returns the names in a directory of the store; none if it was removed. Rejects with Unavailable
 * if too many files are open.
 */
export async function directoryEntries(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw isExhausted(error) ? toFairleadError(error) : error;
  });
}
