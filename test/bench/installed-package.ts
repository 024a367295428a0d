import { execFileSync } from 'node:child_process';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** What `npm install` would leave of the published package. */
export interface InstalledPackage {
  /** A project that depends on it: `import 'fairlead/registry'` works from files in it. */
  readonly project: string;
  /** The launcher, as npm links it. */
  readonly launcher: string;
}

/**
 * Builds and packs this checkout, and lays the package into an empty project in `folder`, with the
 * dependencies that the checkout has: they are linked, since tests do not download.
 */
export async function installPackage(folder: string): Promise<InstalledPackage> {
  const npm = (...args: string[]): string => execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  const packed = npm('pack', '--silent', '--pack-destination', folder).trim().split('\n').at(-1) ?? '';
  const installed = join(folder, 'node_modules', 'fairlead');
  await mkdir(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, packed), '--strip-components=1', '-C', installed]);
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (name.startsWith('.') || name === 'fairlead') continue;
    await symlink(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return { project: folder, launcher: join(installed, 'bin', 'fairlead.js') };
}
