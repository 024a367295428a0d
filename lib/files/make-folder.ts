import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing, each with this mode less the umask; a folder
 * that is there stays as it is. Rejects with what the file system says. In place of Node's own
 * recursive mkdir, which goes on forever where a folder that is there takes none and says ENOENT:
 * in one that was removed while a process works in it, and below /proc.
 */
export async function makeFolder(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path), mode);
      await mkdir(path, { mode }).catch((again: unknown) => acceptFolder(path, again));
    } else await acceptFolder(path, error);
  }
}

/**
 * Rejects with the error unless a folder is there, which somebody else may have made a moment ago.
 */
async function acceptFolder(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw error;
}
