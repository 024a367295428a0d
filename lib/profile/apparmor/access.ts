import { FairleadError } from '#lib/errors';
import type { GlobBudget } from './glob/budget.ts';
import type { Glob } from './glob/glob.ts';
import { parseGlob } from './glob/parse-glob.ts';
import type { AppArmorMode, AppArmorProfile, ExecutableRules, FilesystemRules, NetworkRules } from './model.ts';
import { uncovered, withoutCovered } from './path-list.ts';

/** Paths with one kind of access, or every path. */
export type Paths = 'all' | readonly Glob[];

/** The kinds of access that a profile decides over, as AppArmor checks them one by one. */
export const accessKinds = ['execute', 'map', 'read', 'write'] as const;
export type AccessKind = (typeof accessKinds)[number];

/**
 * What a profile means: for each kind of access the paths that have it. The lists of a profile
 * grant several kinds at once: an executable may be executed, mapped and read (`ixr`; `ix` implies
 * `m`), a library mapped and read (`mr`).
 */
export interface Accesses {
  readonly mode: AppArmorMode;
  readonly paths: Readonly<Record<AccessKind, Paths>>;
  readonly network: 'all' | NetworkRules;
  readonly capabilities: 'all' | ReadonlySet<string>;
}

/** The lists of a profile, as globs; sections as in the profile. */
interface Lists {
  readonly executable?: Readonly<Record<keyof ExecutableRules, readonly Glob[]>> | undefined;
  readonly filesystem?: Readonly<Record<keyof FilesystemRules, readonly Glob[]>> | undefined;
}

/** Long lists take some milliseconds to read, and the same profile is asked for several times. */
const known = new WeakMap<AppArmorProfile, Accesses>();

/**
 * Returns the meaning of a profile. What an executable or a library grants for reading counts only
 * if the filesystem section is present too: without it, everything may be read anyway.
 */
export function accessesOf(profile: AppArmorProfile): Accesses {
  const found = known.get(profile);
  if (found !== undefined) return found;
  const { executable, filesystem } = profile;
  return remember(profile, {
    executable: executable && {
      allowedExecutables: globsOf(executable.allowedExecutables),
      allowedLibraries: globsOf(executable.allowedLibraries),
    },
    filesystem: filesystem && {
      readOnlyPaths: globsOf(filesystem.readOnlyPaths),
      writeOnlyPaths: globsOf(filesystem.writeOnlyPaths),
      readWritePaths: globsOf(filesystem.readWritePaths),
    },
  });
}

function remember(profile: AppArmorProfile, { executable, filesystem }: Lists): Accesses {
  const mapped = executable && [...executable.allowedExecutables, ...executable.allowedLibraries];
  const accesses: Accesses = {
    mode: profile.mode,
    paths: {
      execute: executable?.allowedExecutables ?? 'all',
      map: mapped ?? 'all',
      read: filesystem ? [...filesystem.readWritePaths, ...filesystem.readOnlyPaths, ...(mapped ?? [])] : 'all',
      write: filesystem ? [...filesystem.readWritePaths, ...filesystem.writeOnlyPaths] : 'all',
    },
    network: profile.network ?? 'all',
    capabilities: profile.capability === undefined ? 'all' : new Set(profile.capability.allowedCapabilities),
  };
  known.set(profile, accesses);
  return accesses;
}

/**
 * Returns the paths of a list as globs.
 *
 * @throws FairleadError ProfileInvalid naming the path: profiles that parseAppArmor or
 * validateAppArmor passed have none.
 */
export function globsOf(paths: readonly string[]): readonly Glob[] {
  return paths.map((path) => {
    const glob = parseGlob(path);
    if ('fault' in glob) throw new FairleadError('ProfileInvalid', `path ${JSON.stringify(path)}: ${glob.fault}`);
    return glob;
  });
}

/**
 * Returns the profile that says this, in canonical form: every path in one list if possible,
 * without those that others cover, sorted. Every executable must be readable and mappable too, and
 * every mappable path readable.
 */
export function profileOf(accesses: Accesses, budget: GlobBudget): AppArmorProfile {
  const { mode, paths, network, capabilities } = accesses;
  const executable = executableLists(paths.execute, paths.map, budget);
  const filesystem = filesystemLists(executable, paths.read, paths.write, budget);
  const profile: AppArmorProfile = {
    mode,
    ...(executable && { executable: textsOf(executable) }),
    ...(filesystem && { filesystem: textsOf(filesystem) }),
    ...(network === 'all' ? {} : { network }),
    ...(capabilities === 'all' ? {} : { capability: { allowedCapabilities: [...capabilities].sort() } }),
  };
  remember(profile, { executable, filesystem });
  return profile;
}

function executableLists(execute: Paths, map: Paths, budget: GlobBudget): Lists['executable'] {
  if (execute === 'all' || map === 'all') return undefined;
  const allowedExecutables = withoutCovered(execute, budget);
  const allowedLibraries = withoutCovered(uncovered(map, allowedExecutables, budget), budget);
  return { allowedExecutables, allowedLibraries };
}

function filesystemLists(
  executable: Lists['executable'],
  read: Paths,
  write: Paths,
  budget: GlobBudget,
): Lists['filesystem'] {
  if (read === 'all' || write === 'all') return undefined;
  const unread = uncovered(write, read, budget);
  const unwritten = uncovered(read, write, budget);
  const readWritePaths = withoutCovered([...without(write, unread), ...without(read, unwritten)], budget);
  const granted = executable ? [...executable.allowedExecutables, ...executable.allowedLibraries] : [];
  const readOnly = uncovered(unwritten, [...granted, ...readWritePaths], budget);
  const writeOnly = uncovered(unread, readWritePaths, budget);
  return {
    readOnlyPaths: withoutCovered(readOnly, budget),
    writeOnlyPaths: withoutCovered(writeOnly, budget),
    readWritePaths,
  };
}

function without(globs: readonly Glob[], others: readonly Glob[]): readonly Glob[] {
  const excluded = new Set(others);
  return globs.filter((glob) => !excluded.has(glob));
}

function textsOf<Name extends string>(lists: Readonly<Record<Name, readonly Glob[]>>): Record<Name, readonly string[]> {
  const texts = Object.entries<readonly Glob[]>(lists).map(([name, globs]) => [name, globs.map(({ text }) => text)]);
  return Object.fromEntries(texts) as Record<Name, readonly string[]>;
}

/** Returns the network rules that allow what `allows` answers for. */
export function networkOf(allows: (name: keyof NetworkRules) => boolean): NetworkRules {
  return { allowRaw: allows('allowRaw'), allowTcp: allows('allowTcp'), allowUdp: allows('allowUdp') };
}
