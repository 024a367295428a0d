import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Creates a directory and its missing parents, each with this mode less the umask; a directory that
 * exists is not changed. Rejects with the error of the file system. It replaces Node's own
 * recursive mkdir, which never ends if an existing directory accepts no entries and reports ENOENT:
 * one that was removed while a process works in it, and below /proc.
 */
export async function makeDirectory(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeDirectory(dirname(path), mode);
      await mkdir(path, { mode }).catch((again: unknown) => acceptDirectory(path, again));
    } else await acceptDirectory(path, error);
  }
}

/**
 * Rejects with the error unless there is a directory, which another process may have created a
 * moment ago.
 */
async function acceptDirectory(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw error;
}
