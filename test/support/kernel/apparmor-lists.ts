import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { Attempt } from './guest-policies.ts';

const nothing = { readOnlyPaths: [], writeOnlyPaths: [], readWritePaths: [] };

/** Names below /tmp/d are those of its files. */
export interface ListCase {
  readonly lists: Partial<Record<ListName, readonly string[]>>;
  /** What lint finds about the lists. */
  readonly findings: readonly string[];
  /** What of the names that are tried is permitted: r, w, x, m. */
  readonly permitted: Readonly<Record<string, string>>;
}
type ListName = 'allowedExecutables' | 'allowedLibraries' | 'readOnlyPaths' | 'writeOnlyPaths' | 'readWritePaths';

const bothWays = 'read-and-write /filesystem/writeOnlyPaths/0';
const although = 'read-and-write /filesystem/readWritePaths/0';

/** What the lists of paths of a profile permit in the kernel, and what lint finds about them. */
export const listCases: Readonly<Record<string, ListCase>> = {
  'the same path, read-only and write-only': {
    lists: { readOnlyPaths: ['/tmp/d/a'], writeOnlyPaths: ['/tmp/d/a'] },
    findings: [bothWays],
    permitted: { '/tmp/d/a': 'rw', '/tmp/d/b': '' },
  },
  'the same path in other words': {
    lists: { readOnlyPaths: ['/tmp/d/{a,b}'], writeOnlyPaths: ['/tmp/d/[ab]'] },
    findings: [bothWays],
    permitted: { '/tmp/d/a': 'rw', '/tmp/d/b': 'rw', '/tmp/d/c': '' },
  },
  'write-only within read-only': {
    lists: { readOnlyPaths: ['/tmp/d/**'], writeOnlyPaths: ['/tmp/d/b'] },
    findings: [bothWays],
    permitted: { '/tmp/d/a': 'r', '/tmp/d/b': 'rw' },
  },
  'read-only within write-only': {
    lists: { readOnlyPaths: ['/tmp/d/b'], writeOnlyPaths: ['/tmp/d/**'] },
    findings: [bothWays],
    permitted: { '/tmp/d/a': 'w', '/tmp/d/b': 'rw' },
  },
  'read-only and write-only that overlap': {
    lists: { readOnlyPaths: ['/tmp/d/a*'], writeOnlyPaths: ['/tmp/d/*c'] },
    findings: [bothWays],
    permitted: { '/tmp/d/a': 'r', '/tmp/d/ac': 'rw', '/tmp/d/c': 'w' },
  },
  'read-only and write-only beside each other': {
    lists: { readOnlyPaths: ['/tmp/d/a*'], writeOnlyPaths: ['/tmp/d/c*', '/tmp/d/data/a'] },
    findings: [],
    permitted: { '/tmp/d/a': 'r', '/tmp/d/ac': 'r', '/tmp/d/c': 'w' },
  },
  'the same path, read-only and read-write': {
    lists: { readOnlyPaths: ['/tmp/d/a'], readWritePaths: ['/tmp/d/a'] },
    findings: ['covered-path /filesystem/readOnlyPaths/0'],
    permitted: { '/tmp/d/a': 'rw', '/tmp/d/b': '' },
  },
  'read-write within read-only': {
    lists: { readOnlyPaths: ['/tmp/d/**'], readWritePaths: ['/tmp/d/b'] },
    findings: [although],
    permitted: { '/tmp/d/a': 'r', '/tmp/d/b': 'rw' },
  },
  'read-only and read-write that overlap': {
    lists: { readOnlyPaths: ['/tmp/d/a*'], readWritePaths: ['/tmp/d/*c'] },
    findings: [although],
    permitted: { '/tmp/d/a': 'r', '/tmp/d/ac': 'rw', '/tmp/d/c': 'rw' },
  },
  'the same path, write-only and read-write': {
    lists: { writeOnlyPaths: ['/tmp/d/a'], readWritePaths: ['/tmp/d/a'] },
    findings: ['covered-path /filesystem/writeOnlyPaths/0'],
    permitted: { '/tmp/d/a': 'rw', '/tmp/d/b': '' },
  },
  'executables that are libraries, too': {
    lists: { allowedExecutables: ['/tmp/d/run'], allowedLibraries: ['/tmp/d/*'] },
    findings: [],
    permitted: { '/tmp/d/run': 'rmx', '/tmp/d/library': 'rm' },
  },
  'libraries that are executables, too': {
    lists: { allowedExecutables: ['/tmp/d/*'], allowedLibraries: ['/tmp/d/library'] },
    findings: ['covered-path /executable/allowedLibraries/0'],
    permitted: { '/tmp/d/run': 'rmx', '/tmp/d/library': 'rmx' },
  },
  'an executable that is write-only': {
    lists: { allowedExecutables: ['/tmp/d/run'], writeOnlyPaths: ['/tmp/d/run'] },
    findings: ['writable-executable /filesystem/writeOnlyPaths/0'],
    permitted: { '/tmp/d/run': 'rwmx', '/tmp/d/library': '' },
  },
  'executables of which some may be written': {
    lists: { allowedExecutables: ['/tmp/d/**'], readWritePaths: ['/tmp/d/data/**'] },
    findings: ['writable-executable /filesystem/readWritePaths/0'],
    permitted: { '/tmp/d/data/run': 'rwmx', '/tmp/d/run': 'rmx' },
  },
  'a library that may be written': {
    lists: { allowedExecutables: [], allowedLibraries: ['/tmp/d/library'], writeOnlyPaths: ['/tmp/d/l*'] },
    findings: ['nothing-executable /executable/allowedExecutables', 'writable-executable /filesystem/writeOnlyPaths/0'],
    permitted: { '/tmp/d/library': 'rwm', '/tmp/d/run': '' },
  },
  'what the default rules deny': {
    lists: {
      allowedExecutables: ['/sys/kernel/mm/ksm/run'],
      readOnlyPaths: ['/sys/kernel/security/apparmor/profiles', '/proc/kcore', '/proc/sys/kernel/core_pattern'],
      writeOnlyPaths: ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/shmmax'],
      readWritePaths: ['/sys/kernel/mm/**', '/proc/sysrq-trigger', '/sys/fs/cgroup/**'],
    },
    findings: [
      'read-and-write /filesystem/writeOnlyPaths/0',
      'writable-executable /filesystem/readWritePaths/0',
      'never-permitted /executable/allowedExecutables/0',
      'never-permitted /filesystem/readOnlyPaths/0',
      'never-permitted /filesystem/readOnlyPaths/1',
      'never-permitted /filesystem/writeOnlyPaths/0',
      'never-permitted /filesystem/readWritePaths/0',
      'never-permitted /filesystem/readWritePaths/1',
    ],
    permitted: {
      '/sys/kernel/mm/ksm/run': 'rm',
      '/sys/kernel/security/apparmor/profiles': '',
      '/proc/kcore': '',
      '/proc/sys/kernel/core_pattern': 'r',
      '/proc/sys/kernel/shmmax': 'w',
      '/proc/sysrq-trigger': '',
      '/sys/fs/cgroup/cgroup.procs': 'rw',
    },
  },
};

/** Returns the profile that has the lists of a case. */
export function profileOf({ lists }: ListCase): AppArmorProfile {
  const { allowedExecutables = [], allowedLibraries = [], ...paths } = lists;
  const limitsExecution = lists.allowedExecutables !== undefined;
  return {
    mode: 'Enforce',
    ...(limitsExecution && { executable: { allowedExecutables, allowedLibraries } }),
    filesystem: { ...nothing, ...paths },
  };
}

const verbs = { r: 'read', w: 'write', m: 'map', x: 'execute' } as const;

/**
 * Returns the operations of a case: all four where executables are limited; mapping and executing
 * need no list elsewhere.
 */
export function operationsOf({ lists, permitted }: ListCase): readonly string[] {
  const letters = lists.allowedExecutables === undefined ? (['r', 'w'] as const) : (['r', 'w', 'm', 'x'] as const);
  return Object.keys(permitted).flatMap((path) => letters.map((letter) => `${verbs[letter]} ${path}`));
}

/**
 * Returns what of it was done, in the words of a case; what cannot be done to a file at all is
 * treated as permitted.
 */
export function permittedOf({ outcomes }: Attempt, path: string): string {
  const letters = Object.entries(verbs).filter(([, verb]) => {
    const outcome = outcomes[`${verb} ${path}`];
    return outcome !== undefined && outcome !== 'denied';
  });
  return letters.map(([letter]) => letter).join('');
}
