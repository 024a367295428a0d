import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { FairleadError, toFairleadError } from '#lib/errors';
import { type Comparison, compareProfileFiles, type ProfileFile } from '#lib/profile/compare-profile-files';
import type { Profile } from '#lib/profile/profile';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';
import { readInput } from '../files/files.ts';
import { withCommit, workTree } from '../files/git-commit.ts';
import { isDirectory, maxProfileBytes, readProfileDirectory, readProfileIn } from '../files/profile-directory.ts';
import type { SideOptions } from '../options/diff-sides.ts';
import { hostOf, type ProfileOptions } from '../options/profile-options.ts';
import { projectFile } from '../project/project.ts';
import { type NamedProfile, projectProfiles } from '../project/project-profiles.ts';
import { isFile } from '../project/read-project.ts';

/** How profiles of directories are compared. */
export interface ManyOptions
  extends Pick<ProfileOptions, 'architecture' | 'capabilities' | 'document' | 'from' | 'kernel'>,
    SideOptions {
  readonly base?: string;
  readonly project?: string;
  /** Refuses two profiles that cannot be judged: throws FairleadError. */
  readonly refuse: (profiles: readonly [Profile, Profile], files: readonly [string, string]) => void;
}

/**
 * Compares the profiles of two directories, or those of a project, a directory or a file with a
 * commit; undefined if the arguments name two profiles. Throws InvalidInput for arguments that
 * exclude each other, and if a directory or the commit cannot be read.
 */
export async function compareMany(
  first: string | undefined,
  second: string | undefined,
  options: ManyOptions,
): Promise<Comparison | undefined> {
  const { base, project } = options;
  if (base !== undefined) {
    if (second !== undefined) throw usage('--base takes one file or directory', 'fairlead diff --base REVISION [PATH]');
    refuseSides(options, '--base');
    if (project !== undefined && first !== undefined)
      throw usage('--project and a path cannot be used together', 'one of them');
    const isProject = project !== undefined || (first === undefined && (await isFile(projectFile)));
    return isProject
      ? compareProject(base, project ?? projectFile, options)
      : compareWithCommit(base, first ?? '.', options);
  }
  if (project !== undefined) throw usage('--project needs --base', 'fairlead diff --base REVISION --project FILE');
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

/**
 * Compares the profiles of a project with those of the project in a commit. If the commit has no
 * project file, the files that the project names are compared with what the commit has there.
 */
async function compareProject(revision: string, file: string, options: ManyOptions): Promise<Comparison> {
  const profiles = await projectProfiles(file);
  const after = await Promise.all(profiles.map(readNamed));
  // The project may name files above its own directory.
  const root = await workTree(dirname(file));
  const [top, here] = [await realpath(root), await realpath(dirname(file))];
  return withCommit(root, revision, async (files) => {
    const held = join(files, relative(top, here));
    const heldFile = join(held, basename(file));
    const named = (await isFile(heldFile))
      ? (await projectProfiles(heldFile)).map((profile) => ({ ...profile, below: relative(held, profile.file) }))
      : profiles.map((profile) => ({ ...profile, below: relative(dirname(file), profile.file) }));
    const before = await Promise.all(
      named.map(async ({ below, ...profile }) => {
        // Only files of the commit: others are the same before and after.
        const found = await readProfileIn(files, join(relative(top, here), below));
        return { ...profile, file: join(dirname(file), below), content: found?.content };
      }),
    );
    const isHeld = (profile: (typeof before)[number]): profile is ProfileFile => profile.content !== undefined;
    return compareFiles(before.filter(isHeld), after, options);
  });
}

async function readNamed({ refused, ...profile }: NamedProfile): Promise<ProfileFile> {
  const content = refused ?? (await readInput(profile.file, maxProfileBytes).catch(toFairleadError));
  return { ...profile, content };
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
