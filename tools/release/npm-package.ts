import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { Release } from './release.ts';

/**
 * Builds the npm package of the sources in a directory. The same commit makes the same bytes,
 * whatever umask this checkout and its build have: npm keeps the modes that it finds.
 */
export async function buildNpmPackage(
  { version, directory, work }: Pick<Release, 'version' | 'directory' | 'work'>,
  root: string,
): Promise<void> {
  await runCommand('npm', ['pack', '--silent', '--pack-destination', work, root]);
  await runCommand('tar', ['-xzf', join(work, `fairlead-${version}.tgz`), '-C', work, '--no-same-owner']);
  const unpacked = join(work, 'package');
  await runCommand('chmod', ['-R', 'u=rwX,go=rX', unpacked]);
  // What it has to build, it has built.
  await runCommand('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory, unpacked]);
}
