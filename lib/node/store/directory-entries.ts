import { readdir } from 'node:fs/promises';

/** Returns the names in a directory of the store; none if it was removed. */
export async function directoryEntries(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
