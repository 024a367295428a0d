import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fetchPackage } from './fetch-package.ts';
import type { LayerEntry } from './layer.ts';
import { neededLibraries } from './libraries.ts';
import { type PackageArchitecture, readPins } from './pinned-packages.ts';

/** The user that the program runs as, with a group of the same number. */
export const nonroot = 65532;

/** Where programs that use OpenSSL look for the certificates of authorities. */
export const authoritiesFile = '/etc/ssl/certs/ca-certificates.crt';

/** What is made here, instead of by the scripts of packages. */
const ownFiles: Readonly<Record<string, string>> = {
  'etc/passwd': [
    'root:x:0:0:root:/root:/usr/sbin/nologin',
    'nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin',
    `nonroot:x:${nonroot}:${nonroot}:nonroot:/home/nonroot:/usr/sbin/nologin`,
    '',
  ].join('\n'),
  'etc/group': ['root:x:0:', 'nogroup:x:65534:', `nonroot:x:${nonroot}:`, ''].join('\n'),
  'etc/nsswitch.conf': ['passwd: files', 'group: files', 'hosts: files dns', ''].join('\n'),
};

/** Directories that no file is in. */
const directories: readonly LayerEntry[] = [
  ...['dev', 'etc/fairlead', 'proc', 'run', 'sys', 'usr/sbin'].map((path) => ({ path, mode: 0o755 })),
  { path: 'tmp', mode: 0o1777 },
  { path: 'root', mode: 0o700 },
  // Other users look for credentials of registries there as well.
  { path: 'home/nonroot', mode: 0o755, owner: nonroot },
];

/**
 * Returns the files below the program: the libraries that it needs, the certificates of
 * authorities, users, and which packages of Debian these are from, with their copyright files and
 * in the form that vulnerability scanners read. `work` is an empty directory.
 */
export async function baseFiles(
  executable: string,
  architecture: PackageArchitecture,
  work: string,
): Promise<LayerEntry[]> {
  const root = join(work, 'root');
  mkdirSync(root, { recursive: true });
  const names: string[] = [];
  const debs: string[] = [];
  for (const pinned of readPins().packages[architecture]) {
    const deb = await fetchPackage(pinned);
    execFileSync('dpkg-deb', ['--extract', deb, root]);
    names.push(pinned.name);
    debs.push(deb);
  }
  const kept = [
    ...readdirSync(root).filter((name) => lstatSync(join(root, name)).isSymbolicLink()),
    ...['etc/debian_version', 'etc/os-release', 'usr/lib/os-release'],
    ...filesBelow(root, 'usr/share/common-licenses'),
    ...names.map((name) => copyrightOf(name, root)),
    ...neededLibraries(executable, root, architecture),
  ].map((path) => unpacked(path, root));
  const files = new Set(kept.map(({ path }) => path));
  return [
    ...directories,
    ...kept,
    ...Object.entries({ ...ownFiles, [authoritiesFile.slice(1)]: authorities(root) }).map(([path, text]) =>
      textFile(path, text),
    ),
    ...debs.flatMap((deb, index) => packageStatus(names[index] ?? '', deb, files)),
  ];
}

/**
 * A package may have its documentation directory in common with another one, by a symbolic link.
 */
function copyrightOf(name: string, root: string): string {
  const directory = `usr/share/doc/${name}`;
  return lstatSync(join(root, directory)).isSymbolicLink() ? directory : `${directory}/copyright`;
}

function filesBelow(root: string, directory: string): string[] {
  return readdirSync(join(root, directory)).map((name) => `${directory}/${name}`);
}

function unpacked(path: string, root: string): LayerEntry {
  const source = join(root, path);
  const found = lstatSync(source);
  if (found.isSymbolicLink()) return { path, target: readlinkSync(source) };
  if (!found.isFile()) throw new Error(`${source} is not a file`);
  return { path, mode: (found.mode & 0o111) === 0 ? 0o644 : 0o755, source };
}

function textFile(path: string, text: string): LayerEntry {
  return { path, mode: 0o644, source: Buffer.from(text) };
}

/** Returns all authorities of the package ca-certificates, as its script writes them. */
function authorities(root: string): string {
  const files = filesBelow(root, 'usr/share/ca-certificates/mozilla').sort();
  return files.map((path) => `${readFileSync(join(root, path), 'utf8').trimEnd()}\n`).join('');
}

/**
 * Returns what dpkg would know of a package, with the hashes of the files that the image has. Each
 * package has its own file, so that a layer can add packages without replacing those of another.
 */
function packageStatus(name: string, deb: string, files: ReadonlySet<string>): LayerEntry[] {
  const info = (member: string): string => execFileSync('dpkg-deb', ['--info', deb, member], { encoding: 'utf8' });
  const hashes = info('md5sums')
    .split('\n')
    .filter((line) => files.has(line.replace(/^\S+ +/, '')));
  return [
    textFile(`var/lib/dpkg/status.d/${name}`, info('control')),
    textFile(`var/lib/dpkg/status.d/${name}.md5sums`, hashes.map((line) => `${line}\n`).join('')),
  ];
}
