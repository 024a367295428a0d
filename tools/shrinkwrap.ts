/**
 * `node tools/shrinkwrap.ts` writes npm-shrinkwrap.json, which goes into the package: whoever
 * installs it gets the dependencies that were tested, each by its hash, and not what is newest that
 * day. `--remove` takes it away again: in the checkout package-lock.json counts, and npm would
 * prefer the other. npm calls both around `npm pack` and `npm publish`.
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
