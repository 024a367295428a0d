/**
 * `npm run release`: builds the files of a release from the commit that is checked out, into
 * release/. The same commit makes the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { headCommit } from '../head-commit.ts';
import { buildRelease } from './build-release.ts';

const root = join(import.meta.dirname, '../..');
const directory = join(root, 'release');

const changed = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' });
if (changed !== '') {
  console.error(`error: the checkout has changes that no commit contains:\n${changed.trimEnd()}`);
  console.error('hint: Commit them. What is released states the commit that it was built from.');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'fairlead-release-'));
try {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const started = Date.now();
  await buildRelease({ version: manifest.version, ...headCommit(root), directory, work }, (step) => {
    console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${step}`);
  });
  for (const name of readdirSync(directory)) {
    console.log(`${(statSync(join(directory, name)).size / 1e6).toFixed(1).padStart(6)} MB  ${name}`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
