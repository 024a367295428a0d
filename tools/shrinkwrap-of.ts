/**
 * A package of a lock file (npm, package-lock.json version 3), as far as it is of interest here.
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

/** A lock file; `packages` by their folder, the package itself under ''. */
export interface LockFile {
  readonly name: string;
  readonly version: string;
  readonly lockfileVersion: number;
  readonly requires?: boolean;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/**
 * Fields of the lock file that are of the checkout alone, or of the registry that it was made with.
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
 * Makes the lock file of the published package from that of the checkout: what its dependencies
 * need, without what only development does, and without addresses: each package comes from the
 * registry of whoever installs it, and is checked by its hash. Throws where a dependency is missing
 * from the lock file, or has no hash.
 */
export function shrinkwrapOf({ name, version, lockfileVersion, requires, packages }: LockFile): LockFile {
  const needed = new Set<string>(['']);
  for (const folder of needed) {
    const {
      dependencies = {},
      optionalDependencies = {},
      peerDependencies = {},
      peerDependenciesMeta: meta = {},
    } = packages[folder] ?? {};
    const peers = Object.keys(peerDependencies).filter((peer) => meta[peer]?.optional !== true);
    for (const dependency of [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]) {
      const found = resolve(packages, folder, dependency);
      if (found !== undefined) needed.add(found);
      else if (!Object.hasOwn(optionalDependencies, dependency))
        throw new Error(`${folder || 'the package'}: ${dependency} is not locked`);
    }
  }
  const kept = [...needed].sort().map((folder) => {
    const locked = packages[folder] ?? {};
    if (folder !== '' && (locked.integrity === undefined || locked.link)) throw new Error(`${folder} has no hash`);
    return [folder, Object.fromEntries(Object.entries(locked).filter(([field]) => !left.has(field)))] as const;
  });
  return {
    name,
    version,
    lockfileVersion,
    ...(requires !== undefined && { requires }),
    packages: Object.fromEntries(kept),
  };
}

/** The folder in which Node finds a package from another one's folder. */
function resolve(packages: LockFile['packages'], from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (Object.hasOwn(packages, candidate)) return candidate;
    if (folder === '') return undefined;
  }
}
