import type { Stats } from 'node:fs';
import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FairleadError } from '#lib/errors';

/** Where the content of a file goes that a person named. */
export interface PlaceToWrite {
  /** The path behind its symbolic links. */
  readonly path: string;
  /**
   * Whether another file takes its place. Otherwise it is a device, a pipe or an open file, which
   * is written to: a file in its place would not be what other programs have open, and /dev/null
   * would be gone.
   */
  readonly isReplaced: boolean;
}

/** Most symbolic links that Linux follows in one path. */
const mostLinks = 40;

/**
 * Returns where the content of a file goes. Links stay, and what they name is written. Throws
 * InvalidInput for a link, pipe or device of another user in a directory where everybody can create
 * files: it decides which file is written (see protected_symlinks in proc_sys_fs(5)).
 */
export async function placeToWrite(path: string): Promise<PlaceToWrite> {
  let current = path;
  for (let links = 0; links < mostLinks; links++) {
    // The caller that writes the file reports why that fails.
    const found = await lstat(current).catch(() => undefined);
    if (found === undefined || found.isFile() || found.isDirectory()) return { path: current, isReplaced: true };
    await requireOwn(path, current, found);
    if (!found.isSymbolicLink()) return { path: current, isReplaced: false };
    const directory = await realpath(dirname(current));
    // A link of procfs stands for an open file, whatever its text is.
    if (directory.startsWith('/proc/')) return { path: join(directory, basename(current)), isReplaced: false };
    current = resolve(directory, await readlink(current));
  }
  return { path: current, isReplaced: false };
}

async function requireOwn(asked: string, path: string, { uid }: Stats): Promise<void> {
  const directory = await stat(dirname(path));
  const isShared = (directory.mode & 0o1002) === 0o1002;
  if (!isShared || uid === process.geteuid?.() || uid === directory.uid) return;
  throw new FairleadError(
    'InvalidInput',
    `cannot write ${asked}: ${path} belongs to user ${uid}, in a directory where every user can create files`,
    { hint: 'Name a file in a directory of your own.' },
  );
}

/** Returns whether a path names the standard output of this process, such as /dev/stdout. */
export async function isStandardOutput(path: string): Promise<boolean> {
  return (await placeToWrite(path)).path === `/proc/${process.pid}/fd/1`;
}
