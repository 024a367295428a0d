import { lstat, readlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { FairleadError } from '#lib/errors';

/** Most symbolic links that Linux follows in one path. */
const mostLinks = 40;

/**
 * Verifies that only root and this user can change what is read from a path: the file or directory
 * itself, each directory above it up to `/`, and the same for each symbolic link on the way.
 * Directories with the sticky bit, such as /tmp, may be writable by all, since each entry belongs
 * to its owner. A path that does not exist is verified as far as it exists. Throws InvalidInput
 * that names what to change, with the command. Access control lists count: their mask is in the
 * group's bits.
 */
export async function requireTrustedPath(path: string): Promise<void> {
  // Not normalized: the meaning of `..` depends on the links before it.
  let names = namesIn(isAbsolute(path) ? path : `${process.cwd()}/${path}`);
  let links = 0;
  let current = '/';
  await requireTrusted(path, current);
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const next = join(current, name);
    const kind = await requireTrusted(path, next);
    if (kind === 'missing') return;
    if (kind === 'link') {
      if (++links > mostLinks) return; // nor does the file system follow them
      const target = await readlink(next);
      names = [...namesIn(target), ...names];
      if (isAbsolute(target)) current = '/';
    } else current = next;
  }
}

function namesIn(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}

async function requireTrusted(asked: string, path: string): Promise<'link' | 'missing' | 'other'> {
  const found = await lstat(path).catch((error: unknown) => {
    // The caller that reads it reports this better; up to here the path is verified.
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(String(error.code)))
      return;
    throw error;
  });
  if (found === undefined) return 'missing';
  if (![0, process.geteuid?.()].includes(found.uid)) {
    throw untrusted(asked, `${path} belongs to user ${found.uid}`, `Check its content, then run: chown root ${path}`);
  }
  if (found.isSymbolicLink()) return 'link';
  const isShared = found.isDirectory() && (found.mode & 0o1000) !== 0;
  if ((found.mode & 0o022) !== 0 && !isShared) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
    throw untrusted(asked, `${path} has mode ${mode}`, `Check its content, then run: chmod go-w ${path}`);
  }
  return 'other';
}

function untrusted(asked: string, why: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', `users other than root and this one can change ${asked}: ${why}`, { hint });
}
