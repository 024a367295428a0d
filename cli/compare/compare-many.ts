import { basename, dirname, join } from 'node:path';
import { FairleadError } from '#lib/errors';
import { type Comparison, compareProfileFiles, type ProfileFile } from '#lib/profile/compare-profile-files';
import type { Profile } from '#lib/profile/profile';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { withCommit } from '../files/git-commit.ts';
import { isDirectory, readProfileDirectory, readProfileIn } from '../files/profile-directory.ts';
import type { SideOptions } from '../options/diff-sides.ts';
import { hostOf, type ProfileOptions } from '../options/profile-options.ts';

/** How profiles of directories are compared. */
export interface ManyOptions
  extends Pick<ProfileOptions, 'architecture' | 'capabilities' | 'document' | 'from' | 'kernel'>,
    SideOptions {
  readonly base?: string;
  /** Refuses two profiles that cannot be judged: throws FairleadError. */
  readonly refuse: (profiles: readonly [Profile, Profile], files: readonly [string, string]) => void;
}

/**
 * Compares the profiles of two directories, or of a directory or file with a commit; undefined if
 * the arguments name two profiles. Throws InvalidInput for arguments that exclude each other, and
 * if a directory or the commit cannot be read.
 */
export async function compareMany(
  first: string | undefined,
  second: string | undefined,
  options: ManyOptions,
): Promise<Comparison | undefined> {
  const { base } = options;
  if (base !== undefined) {
    if (second !== undefined) throw usage('--base takes one file or directory', 'fairlead diff --base REVISION [PATH]');
    refuseSides(options, '--base');
    return compareWithCommit(base, first ?? '.', options);
  }
  const [isFirst, isSecond] = await Promise.all([first, second].map((path) => path !== undefined && isDirectory(path)));
  if (!isFirst && !isSecond) return undefined;
  refuseSides(options, 'a directory');
  if (first === undefined || second === undefined) {
    throw usage('only one directory to compare', 'fairlead diff FROM TO, or fairlead diff --base REVISION [PATH]');
  }
  if (!isFirst || !isSecond) {
    throw usage(
      `${isFirst ? second : first} is not a directory, and ${isFirst ? first : second} is`,
      'two directories, or two files',
    );
  }
  const [before, after] = await Promise.all([readProfileDirectory(first), readProfileDirectory(second)]);
  return compareFiles(before, after, options);
}

function refuseSides(options: SideOptions, other: string): void {
  const side = options.new ? '--new' : options.deleted ? '--deleted' : undefined;
  if (side !== undefined) throw usage(`${side} and ${other} cannot be used together`, `one of them`);
}

function usage(message: string, hint: string): FairleadError {
  return new FairleadError('InvalidInput', message, { hint: `Use ${hint}.` });
}

/** Compares the profiles of a directory, or one profile, with what a commit has in their place. */
async function compareWithCommit(revision: string, path: string, options: ManyOptions): Promise<Comparison> {
  const isWhole = await isDirectory(path);
  const [directory, only] = isWhole ? [path] : [dirname(path), basename(path)];
  const read = async (root: string): Promise<readonly ProfileFile[]> => {
    if (only === undefined) return readProfileDirectory(root);
    const file = await readProfileIn(root, only);
    return file === undefined ? [] : [file];
  };
  return withCommit(directory, revision, async (files) => {
    const [before, after] = await Promise.all([read(files), read(directory)]);
    if (only !== undefined && before.length + after.length === 0) {
      throw new FairleadError('InvalidInput', `cannot read ${path}: it is neither here nor in the commit`, {
        hint: 'Check the path.',
      });
    }
    // Named as in the work tree: the temporary directory means nothing to the reader.
    const named = before.map((file) => ({ ...file, file: join(directory, file.name) }));
    return compareFiles(named, after, options);
  });
}

function compareFiles(
  before: readonly ProfileFile[],
  after: readonly ProfileFile[],
  { from: format, document, refuse, ...container }: ManyOptions,
): Comparison {
  return compareProfileFiles(before, after, {
    ...(format !== undefined && { format }),
    ...(document !== undefined && { document }),
    host: hostOf(container),
    nativeArchitecture: nativeArchitecture(container.architecture),
    refuse,
    places: true,
  });
}
