import { FairleadError } from '#lib/errors';
import type { Budget } from './glob/budget.ts';
import type { Glob } from './glob/parse-glob.ts';
import { parseGlob } from './glob/parse-glob.ts';
import type { AppArmorMode, AppArmorProfile, ExecutableRules, FilesystemRules, NetworkRules } from './model.ts';
import { uncovered, withoutCovered } from './path-list.ts';

/** Paths with one kind of access, or every path. */
export type Paths = 'all' | readonly Glob[];

/** The kinds of access that a profile decides over, as AppArmor checks them one by one. */
export const accessKinds = ['execute', 'map', 'read', 'write'] as const;
export type AccessKind = (typeof accessKinds)[number];

/**
 * What a profile means: for each kind of access the paths that have it. The lists of a profile grant several kinds at
 * once: an executable may be executed, mapped and read (`ixr`; `ix` implies `m`), a library mapped and read (`mr`).
 */
export interface Accesses {
  readonly mode: AppArmorMode;
  readonly paths: Readonly<Record<AccessKind, Paths>>;
  readonly network: 'all' | NetworkRules;
  readonly capabilities: 'all' | ReadonlySet<string>;
}

/**
 * The meaning of a profile. What an executable or a library grants for reading counts only where the filesystem section
 * is there too: without it, everything may be read anyway.
 */
export function accessesOf(profile: AppArmorProfile): Accesses {
  const { executable, filesystem, network, capability } = profile;
  const executables = globsOf(executable?.allowedExecutables ?? []);
  const mapped = [...executables, ...globsOf(executable?.allowedLibraries ?? [])];
  const readWrite = globsOf(filesystem?.readWritePaths ?? []);
  return {
    mode: profile.mode,
    paths: {
      execute: executable === undefined ? 'all' : executables,
      map: executable === undefined ? 'all' : mapped,
      read: filesystem === undefined ? 'all' : [...readWrite, ...globsOf(filesystem.readOnlyPaths), ...mapped],
      write: filesystem === undefined ? 'all' : [...readWrite, ...globsOf(filesystem.writeOnlyPaths)],
    },
    network: network ?? 'all',
    capabilities: capability === undefined ? 'all' : new Set(capability.allowedCapabilities),
  };
}

/**
 * The paths of a list as globs.
 *
 * @throws FairleadError ProfileInvalid naming the path: profiles that parseAppArmor or validateAppArmor passed have none.
 */
export function globsOf(paths: readonly string[]): readonly Glob[] {
  return paths.map((path) => {
    const glob = parseGlob(path);
    if ('fault' in glob) throw new FairleadError('ProfileInvalid', `path ${JSON.stringify(path)}: ${glob.fault}`);
    return glob;
  });
}

/**
 * The profile that says this, in canonical form: every path in one list as far as it goes, without those that others
 * cover, sorted. Every executable must be readable and mappable too, and every mappable path readable.
 */
export function profileOf(accesses: Accesses, budget: Budget): AppArmorProfile {
  const { mode, paths, network, capabilities } = accesses;
  const executable = executableRules(paths.execute, paths.map, budget);
  const filesystem = filesystemRules(executable, paths.read, paths.write, budget);
  return {
    mode,
    ...(executable === undefined ? {} : { executable }),
    ...(filesystem === undefined ? {} : { filesystem }),
    ...(network === 'all' ? {} : { network }),
    ...(capabilities === 'all' ? {} : { capability: { allowedCapabilities: [...capabilities].sort() } }),
  };
}

function executableRules(execute: Paths, map: Paths, budget: Budget): ExecutableRules | undefined {
  if (execute === 'all' || map === 'all') return undefined;
  const executables = withoutCovered(execute, budget);
  const libraries = withoutCovered(uncovered(map, executables, budget), budget);
  return { allowedExecutables: textsOf(executables), allowedLibraries: textsOf(libraries) };
}

function filesystemRules(
  executable: ExecutableRules | undefined,
  read: Paths,
  write: Paths,
  budget: Budget,
): FilesystemRules | undefined {
  if (read === 'all' || write === 'all') return undefined;
  const unread = uncovered(write, read, budget);
  const unwritten = uncovered(read, write, budget);
  const readWrite = withoutCovered([...without(write, unread), ...without(read, unwritten)], budget);
  const granted = globsOf(
    executable === undefined ? [] : [...executable.allowedExecutables, ...executable.allowedLibraries],
  );
  const readOnly = uncovered(unwritten, [...granted, ...readWrite], budget);
  const writeOnly = uncovered(unread, readWrite, budget);
  return {
    readOnlyPaths: textsOf(withoutCovered(readOnly, budget)),
    writeOnlyPaths: textsOf(withoutCovered(writeOnly, budget)),
    readWritePaths: textsOf(readWrite),
  };
}

function without(globs: readonly Glob[], others: readonly Glob[]): readonly Glob[] {
  const excluded = new Set(others);
  return globs.filter((glob) => !excluded.has(glob));
}

function textsOf(globs: readonly Glob[]): readonly string[] {
  return globs.map(({ text }) => text);
}
