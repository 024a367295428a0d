import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';

/**
 * Returns the path of a file from the root of its repository, as CI systems name files: with
 * slashes. The root is the nearest directory above the working directory that has a `.git`, else
 * the working directory.
 *
 * @returns undefined for a file outside of the root.
 */
export function repositoryPath(file: string): string | undefined {
  const path = relative(repositoryRoot(), resolve(file));
  if (path === '' || path === '..' || path.startsWith(`..${sep}`)) return undefined;
  return path.split(sep).join('/');
}

function repositoryRoot(): string {
  const working = process.cwd();
  for (let directory = working; ; directory = dirname(directory)) {
    if (existsSync(join(directory, '.git'))) return directory;
    if (directory === dirname(directory)) return working;
  }
}
