import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import type { PackageArchitecture } from './pinned-packages.ts';

/** Where Debian has the shared libraries of each architecture. */
const libraryDirectories: Readonly<Record<PackageArchitecture, string>> = {
  amd64: 'usr/lib/x86_64-linux-gnu',
  arm64: 'usr/lib/aarch64-linux-gnu',
};

/** What an ELF file states about what it needs to run. */
interface Needs {
  readonly interpreter: string | undefined;
  readonly libraries: readonly string[];
}

/**
 * Returns the paths of the shared libraries that an executable needs, and those need, with its
 * interpreter and the symbolic links to them, in a directory where packages are unpacked. Throws if
 * one is missing there.
 */
export function neededLibraries(executable: string, root: string, architecture: PackageArchitecture): string[] {
  const found = new Set<string>();
  const { interpreter, libraries } = needsOf(executable);
  if (interpreter === undefined) throw new Error(`${executable}: is not a dynamically linked executable`);
  // /lib is a symbolic link to /usr/lib.
  const waiting = [`usr${interpreter}`, ...libraries.map((name) => `${libraryDirectories[architecture]}/${name}`)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    if (!existsSync(dirname(join(root, path))) || lstatSync(join(root, path), { throwIfNoEntry: false }) === undefined)
      throw new Error(
        `${executable} needs ${posix.basename(path)}, which no package of the image has as ${path}. ` +
          'Add its package to tools/release/image/update-packages.ts, and run that.',
      );
    found.add(path);
    if (lstatSync(join(root, path)).isSymbolicLink())
      waiting.push(posix.join(posix.dirname(path), readlinkSync(join(root, path))));
    else
      waiting.push(...needsOf(join(root, path)).libraries.map((name) => `${libraryDirectories[architecture]}/${name}`));
  }
  return [...found].sort();
}

function needsOf(file: string): Needs {
  const text = execFileSync('readelf', ['--program-headers', '--dynamic', '--wide', file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return {
    interpreter: /\[Requesting program interpreter: (.+)\]/.exec(text)?.[1],
    libraries: Array.from(text.matchAll(/\(NEEDED\) +Shared library: \[(.+)\]/g), ([, name = '']) => name),
  };
}
