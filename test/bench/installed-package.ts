import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { packPackage } from '#test/support/cli/package';

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
