import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { ProfileFile } from '#lib/profile/compare-profile-files';
import { mayHoldProfile } from '#lib/profile/may-hold-profile';
import { readInput, unreadable } from './files.ts';

/** The limit of importProfile. */
export const maxProfileBytes = 8 * 1024 * 1024;

/** At most this many files of a directory are read. */
const maxFiles = 10_000;

/** Returns whether a path is a directory; false if there is nothing. */
export async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

/**
 * Reads the JSON and YAML files below a directory, by their paths in it. Hidden directories and
 * `node_modules` are skipped, and a link must lead to a file in the directory.
 *
 * @throws FairleadError InvalidInput if the directory cannot be read; LimitExceeded if it contains
 * too many such files. A file that cannot be read has its error as its content.
 */
export async function readProfileDirectory(directory: string): Promise<readonly ProfileFile[]> {
  const root = await realpath(directory).catch((cause: unknown) => {
    throw unreadable(directory, cause);
  });
  const found: ProfileFile[] = [];
  for (const path of await pathsBelow(root, root)) {
    if (found.length === maxFiles) {
      throw new FairleadError('LimitExceeded', `${directory} contains more than ${maxFiles} JSON and YAML files`, {
        hint: 'Name the directory of the profiles.',
      });
    }
    const name = relative(root, path).split(sep).join('/');
    found.push({ name, file: join(directory, name), content: await readBelow(root, path, join(directory, name)) });
  }
  return found;
}

/**
 * Reads the file of a profile in a directory. Returns undefined if it does not exist. A file that
 * cannot be read has its error as its content.
 */
export async function readProfileIn(directory: string, name: string): Promise<ProfileFile | undefined> {
  const file = join(directory, name);
  const exists = await lstat(file).then(
    () => true,
    (cause: NodeJS.ErrnoException) => cause.code !== 'ENOENT' && cause.code !== 'ENOTDIR',
  );
  if (!exists) return undefined;
  const root = await realpath(directory).catch(() => directory);
  return { name, file, content: await readBelow(root, join(root, name), file), isNamed: true };
}

/** A file of a directory that may hold a profile. */
export interface DirectoryProfile {
  /** Path relative to the directory. */
  readonly name: string;
  /** Path of the file. */
  readonly file: string;
  /** Why it may not be read, such as a link that leads out of the directory. */
  readonly refused?: FairleadError;
}

/**
 * Lists the files below a directory that may hold profiles. Throws as readProfileDirectory does.
 */
export async function listDirectoryProfiles(directory: string): Promise<readonly DirectoryProfile[]> {
  const files = await readProfileDirectory(directory);
  return files.flatMap(({ name, file, content }) => {
    if (content instanceof FairleadError) return [{ name, file, refused: content }];
    return mayHoldProfile(content, file) ? [{ name, file }] : [];
  });
}

/** Returns the name of a profile by its file: without `.json`, `.yaml` or `.yml`. */
export function profileNameOf(file: string): string {
  return file.replace(/(?<=[^/])\.(?:json|ya?ml)$/i, '');
}

/** Files that may hold profiles, and those of directories that cannot be read. */
export interface FilesRead {
  readonly files: readonly string[];
  readonly refused: readonly { readonly file: string; readonly error: FairleadError }[];
}

/**
 * Returns paths with every directory replaced by the files in it that may hold profiles. Throws as
 * readProfileDirectory does.
 */
export async function withDirectoriesRead(paths: readonly string[]): Promise<FilesRead> {
  const files: string[] = [];
  const refused: { file: string; error: FairleadError }[] = [];
  for (const path of paths) {
    if (path === '-' || !(await isDirectory(path))) files.push(path);
    else {
      for (const { file, refused: error } of await listDirectoryProfiles(path)) {
        if (error === undefined) files.push(file);
        else refused.push({ file, error });
      }
    }
  }
  return { files, refused };
}

async function pathsBelow(root: string, directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(relative(root, directory) || directory, cause);
  });
  const paths: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (!entry.name.startsWith('.') && entry.name !== 'node_modules') paths.push(...(await pathsBelow(root, path)));
    } else if (/\.(json|ya?ml)$/i.test(entry.name)) paths.push(path);
  }
  return paths;
}

async function readBelow(root: string, path: string, name: string): Promise<Uint8Array | FairleadError> {
  try {
    const real = await realpath(path).catch((cause: unknown) => {
      throw unreadable(name, cause);
    });
    if (!real.startsWith(`${root}${sep}`)) {
      throw new FairleadError('InvalidInput', `${name} is a link to a file outside of the directory`, {
        hint: 'Replace the link by a copy of the file.',
      });
    }
    if (!(await stat(real)).isFile()) throw new FairleadError('InvalidInput', `${name} is not a regular file`);
    return await readInput(real, maxProfileBytes);
  } catch (error) {
    return toFairleadError(error);
  }
}
