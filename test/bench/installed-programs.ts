import { execFileSync } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packPackage } from '#test/support/cli/package';
import { buildProgram } from '#test/support/release/program';

/**
 * Builds and packs this checkout, unpacks the package in a directory, and returns the path of its
 * launcher. The program contains the packages that it needs: the dependencies, which only the
 * library needs, are not there.
 */
export async function unpackPackage(directory: string): Promise<string> {
  const tarball = await packPackage(directory);
  execFileSync('tar', ['-xzf', tarball, '-C', directory]);
  return join(directory, 'package', 'bin', 'fairlead.js');
}

/**
 * Builds the executable in a directory, and returns the path of a copy, written as an installation
 * writes it. The build writes its file at once, and of such a file the kernel maps more pages when
 * it runs.
 */
export async function installExecutable(directory: string): Promise<string> {
  const installed = join(directory, 'fairlead');
  await copyFile(await buildProgram(directory), installed);
  return installed;
}
