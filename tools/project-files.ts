import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

/**
 * Returns the text of each file of the project by its path, including files that are not committed
 * yet and not ignored.
 *
 * @param patterns pathspecs of Git
 */
export function projectFiles(patterns: readonly string[]): Record<string, string> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const names = execFileSync('git', args, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 24 }).split('\0');
  // A file that was deleted is listed until that is committed.
  const present = [...new Set(names)].filter((name) => name !== '' && existsSync(new URL(name, root)));
  return Object.fromEntries(present.map((name) => [name, readFileSync(new URL(name, root), 'utf8')]));
}
