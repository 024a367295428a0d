/**
 * A package of a lock file (npm, package-lock.json version 3), with the fields used here.
 */
interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** A lock file. `packages` has each package by its directory, and the package itself under ''. */
export interface LockFile {
  readonly name: string;
  readonly version: string;
  readonly lockfileVersion: number;
  readonly requires?: boolean;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/**
 * Fields of the lock file that only apply to the checkout, or to the registry it was made with.
 */
const left: ReadonlySet<string> = new Set([
  'dev',
  'devOptional',
  'devDependencies',
  'workspaces',
  'resolved',
  'link',
  'funding',
]);

/**
 * Returns the lock file of the published package, given that of the checkout: only the packages
 * that its dependencies need, and without addresses, since each user installs from another
 * registry; the hashes stay. Throws if a dependency is missing from the lock file or has no hash.
 */
export function shrinkwrapOf({ name, version, lockfileVersion, requires, packages }: LockFile): LockFile {
  const needed = new Set<string>(['']);
  for (const directory of needed) {
    const {
      dependencies = {},
      optionalDependencies = {},
      peerDependencies = {},
      peerDependenciesMeta: meta = {},
    } = packages[directory] ?? {};
    const peers = Object.keys(peerDependencies).filter((peer) => meta[peer]?.optional !== true);
    for (const dependency of [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]) {
      const found = resolve(packages, directory, dependency);
      if (found !== undefined) needed.add(found);
      else if (!Object.hasOwn(optionalDependencies, dependency))
        throw new Error(`${directory || 'the package'}: ${dependency} is not locked`);
    }
  }
  const kept = [...needed].sort().map((directory) => {
    const locked = packages[directory] ?? {};
    if (directory !== '' && (locked.integrity === undefined || locked.link))
      throw new Error(`${directory} has no hash`);
    return [directory, Object.fromEntries(Object.entries(locked).filter(([field]) => !left.has(field)))] as const;
  });
  return {
    name,
    version,
    lockfileVersion,
    ...(requires !== undefined && { requires }),
    packages: Object.fromEntries(kept),
  };
}

/** The directory in which Node finds a package from another one's directory. */
function resolve(packages: LockFile['packages'], from: string, name: string): string | undefined {
  for (
    let directory = from;
    ;
    directory = directory.slice(0, Math.max(0, directory.lastIndexOf('node_modules/') - 1))
  ) {
    const candidate = directory === '' ? `node_modules/${name}` : `${directory}/node_modules/${name}`;
    if (Object.hasOwn(packages, candidate)) return candidate;
    if (directory === '') return undefined;
  }
}
