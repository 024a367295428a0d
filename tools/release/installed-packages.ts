import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { PackageLock } from './locked-packages.ts';

/**
 * Throws InvalidInput unless the packages below `root` are those of package-lock.json. A release
 * states that it was built from them, and what an older commit needed may still be installed.
 */
export function requireInstalled({ packages }: PackageLock, root: string): void {
  const wrong = Object.entries(packages).flatMap(([path, { version, optional, link }]) => {
    // Links lead to packages of this checkout.
    if (path === '' || link) return [];
    const found = installedVersion(join(root, path));
    if (found === version || (found === undefined && optional)) return [];
    return [found === undefined ? `${path} is missing` : `${path} is ${found}, not ${version}`];
  });
  if (wrong.length === 0) return;
  throw new FairleadError('InvalidInput', `node_modules is not what package-lock.json specifies: ${wrong.join('; ')}`, {
    hint: 'Run npm ci.',
  });
}

function installedVersion(directory: string): string | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).version;
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
}
