/**
 * `npm run release`: builds the files of a release from the commit that is checked out, into
 * release/, and states what they are (tools/release/evidence.ts). The same commit makes the same
 * bytes, except for the statements about this build. With FAIRLEAD_RELEASE_KEY, the path of a
 * private key, or with `--keyless`, the statements are signed.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import manifest from '../../package.json' with { type: 'json' };
import { headCommit } from '../head-commit.ts';
import { buildRelease } from './build-release.ts';
import { writeEvidence } from './evidence.ts';
import { releaseSigner } from './sign.ts';

const root = join(import.meta.dirname, '../..');
const directory = join(root, 'release');
const started = Date.now();

const { values } = parseArgs({ options: { keyless: { type: 'boolean', default: false } } });
const signer = releaseSigner(process.env, values.keyless);
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
  const release = { version: manifest.version, ...headCommit(root), directory, work };
  const packages = await buildRelease(release, report);
  report(`bill of materials, sums and provenance${signer === undefined ? '' : ', signed'}`);
  await writeEvidence(release, packages, signer, process.env);
} finally {
  rmSync(work, { recursive: true, force: true });
}
report('done');
for (const name of readdirSync(directory)) {
  console.log(`${(statSync(join(directory, name)).size / 1e6).toFixed(1).padStart(6)} MB  ${name}`);
}
if (signer === undefined) {
  console.log('Nothing is signed. To sign, set FAIRLEAD_RELEASE_KEY to the path of a key, or use --keyless in CI.');
}

function report(step: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${step}`);
}
