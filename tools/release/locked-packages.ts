/** An npm package that the program contains. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** Subresource integrity of its archive: `sha512-` and base64. */
  readonly integrity: string;
  /** SPDX expression. */
  readonly license?: string;
}

/** What package-lock.json (lockfileVersion 3) specifies of each package, by its path. */
export interface PackageLock {
  readonly packages: Readonly<
    Record<
      string,
      {
        readonly name?: string;
        readonly version?: string;
        readonly integrity?: string;
        readonly license?: string;
        readonly optional?: boolean;
        readonly link?: boolean;
      }
    >
  >;
}

/**
 * Returns what package-lock.json specifies of packages, sorted by name and version: each once.
 *
 * @param directories of packages, from the root of the checkout (`packages` of a bundle)
 * @throws an Error for a package that the lock does not specify with version and integrity
 */
export function packagesOf(directories: readonly string[], lock: PackageLock): readonly BundledPackage[] {
  const packages = new Map<string, BundledPackage>();
  for (const path of directories) {
    const { name = path.replace(/^.*node_modules\//, ''), version, integrity, license } = lock.packages[path] ?? {};
    if (version === undefined || integrity === undefined) {
      throw new Error(`package-lock.json does not specify ${path} with version and integrity`);
    }
    const found = { name, version, integrity, ...(license === undefined ? {} : { license }) };
    packages.set(`${name}@${version}`, found);
  }
  return [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}
