import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { Architecture } from './release.ts';

const lockFile = new URL('../../package-lock.json', import.meta.url);

/** Node.js for one architecture, unpacked. */
export interface NodeRuntime {
  /** Its directory in package-lock.json. */
  readonly location: string;
  readonly program: string;
  readonly license: string;
}

/**
 * Returns Node.js for an architecture: the npm package that package-lock.json specifies, downloaded
 * if it is not in the cache, and with the digest that is specified there. npm installs only the one
 * for this machine.
 */
export async function nodeRuntime(architecture: Architecture, cache = runtimeCache()): Promise<NodeRuntime> {
  const name = `node-linux-${architecture}`;
  const location = `node_modules/${name}`;
  const { version, integrity } = JSON.parse(readFileSync(lockFile, 'utf8')).packages[location];
  const unpacked = join(cache, `${name}-${version}`);
  if (!existsSync(unpacked)) {
    await mkdir(cache, { recursive: true });
    const temporary = await mkdtemp(join(cache, 'download-'));
    try {
      await runCommand('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', temporary]);
      const archive = join(temporary, `${name}-${version}.tgz`);
      const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
      if (found !== integrity) {
        throw new Error(`${name}@${version} has the digest ${found}: package-lock.json wants ${integrity}`);
      }
      await runCommand('tar', ['-xzf', archive, '-C', temporary, '--no-same-owner']);
      await rename(join(temporary, 'package'), unpacked);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
  return { location, program: join(unpacked, 'bin/node'), license: join(unpacked, 'LICENSE') };
}

function runtimeCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead', 'node');
}
