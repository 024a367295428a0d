import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { headCommit } from '../../../tools/head-commit.ts';
import { fetchPackage } from '../../../tools/release/image/fetch-package.ts';
import { type PackageArchitecture, readPins } from '../../../tools/release/image/pinned-packages.ts';
import { buildImage } from '../../../tools/release/image.ts';
import type { TreeFile } from '../../../tools/release/release.ts';
import { buildProgram, ownArchitecture } from './program.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The version of the images that tests build. */
export const imageVersion = '1.2.3';

/** A file that these images have beside the program. */
export const license: TreeFile = {
  path: 'usr/share/doc/fairlead/LICENSE',
  mode: 0o644,
  source: join(root, 'LICENSE'),
};

/** Builds the image of these programs in a new directory; returns the path of its archive. */
export function buildTestImage(
  directory: string,
  programs: Readonly<Record<'x64' | 'arm64', string>>,
): Promise<string> {
  const work = join(directory, 'work');
  mkdirSync(work, { recursive: true });
  return buildImage({ version: imageVersion, ...headCommit(root), directory, work }, { programs, files: [license] });
}

/**
 * Returns a small executable of each architecture, unpacked below a directory: the C library of
 * Debian can be run.
 */
export async function smallPrograms(directory: string): Promise<Record<'x64' | 'arm64', string>> {
  return {
    x64: await cLibrary('amd64', 'x86_64-linux-gnu', directory),
    arm64: await cLibrary('arm64', 'aarch64-linux-gnu', directory),
  };
}

async function cLibrary(architecture: PackageArchitecture, triplet: string, directory: string): Promise<string> {
  const pinned = readPins().packages[architecture].find(({ name }) => name === 'libc6');
  assert.ok(pinned);
  const unpacked = join(directory, `libc6-${architecture}`);
  execFileSync('dpkg-deb', ['--extract', await fetchPackage(pinned), unpacked]);
  return join(unpacked, 'usr/lib', triplet, 'libc.so.6');
}

/**
 * Returns the programs of an image that this machine can run: the executable of a release for its
 * own architecture, and a small one for the other.
 */
export async function testPrograms(directory: string): Promise<Record<'x64' | 'arm64', string>> {
  const program = await buildProgram(join(directory, 'executable'));
  return { ...(await smallPrograms(directory)), [ownArchitecture]: program };
}
