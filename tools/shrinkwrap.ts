/**
 * `node tools/shrinkwrap.ts` writes npm-shrinkwrap.json for the package, so that users get the
 * dependencies that were tested, each by its hash, instead of the newest ones. `--remove` removes
 * it: in the checkout, npm would use it instead of package-lock.json. npm runs both around `npm
 * pack` and `npm publish`.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shrinkwrapOf } from './shrinkwrap-of.ts';

const root = join(import.meta.dirname, '..');
const file = join(root, 'npm-shrinkwrap.json');

if (process.argv[2] === '--remove') rmSync(file, { force: true });
else {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  writeFileSync(file, `${JSON.stringify(shrinkwrapOf(lock), undefined, 2)}\n`);
}
