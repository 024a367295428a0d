/**
 * `npm run release`: builds the files of a release from the commit that is checked out, into
 * release/, and states what they are (tools/release/evidence.ts). The same commit makes the same
 * bytes, except for the statements about this build. With FAIRLEAD_RELEASE_KEY, the path of a
 * private key, or with `--keyless`, the statements are signed.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeError } from '#cli/terminal/output';
import { FairleadError } from '#lib/errors';
import manifest from '../../package.json' with { type: 'json' };
import { headCommit } from '../head-commit.ts';
import { buildRelease } from './build-release.ts';
import { writeEvidence } from './evidence.ts';
import { requireInstalled } from './installed-packages.ts';
import { releaseSigner } from './sign.ts';

const root = join(import.meta.dirname, '../..');
const finished = join(root, 'release');
const started = Date.now();
const temporary: string[] = [];

process.once('exit', () => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

try {
  await buildAndSign();
} catch (thrown) {
  if (!(thrown instanceof FairleadError)) throw thrown;
  writeError(thrown, 'text');
  process.exitCode = 2;
}

async function buildAndSign(): Promise<void> {
  const { values } = parseArgs({ options: { keyless: { type: 'boolean', default: false } } });
  requireCommitted();
  requireInstalled(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')), root);
  const openSigner = await releaseSigner(process.env, values.keyless);
  // What is there keeps its files until all of the new ones are written.
  const directory = temporaryDirectory(join(root, 'release.'));
  const work = temporaryDirectory(join(tmpdir(), 'fairlead-release-'));
  const release = { version: manifest.version, ...headCommit(root), directory, work };
  const packages = await buildRelease(release, report);
  report(`bill of materials, sums and provenance${openSigner === undefined ? '' : ', signed'}`);
  await writeEvidence(release, packages, openSigner, process.env);
  chmodSync(directory, 0o755);
  rmSync(finished, { recursive: true, force: true });
  renameSync(directory, finished);
  report('done');
  for (const name of readdirSync(finished)) {
    console.log(`${(statSync(join(finished, name)).size / 1e6).toFixed(1).padStart(6)} MB  ${name}`);
  }
  if (openSigner === undefined) {
    console.log('Nothing is signed. To sign, set FAIRLEAD_RELEASE_KEY to the path of a key, or use --keyless in CI.');
  }
}

function requireCommitted(): void {
  const changed = execFileSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).trimEnd();
  if (changed === '') return;
  const names = changed.split('\n').map((line) => line.slice(3));
  throw new FairleadError('InvalidInput', `the checkout has changes that no commit contains: ${names.join(', ')}`, {
    hint: 'Commit them. What is released states the commit that it was built from.',
  });
}

/** Creates a directory that is removed when this process ends. */
function temporaryDirectory(prefix: string): string {
  const directory = mkdtempSync(prefix);
  temporary.push(directory);
  return directory;
}

function report(step: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${step}`);
}
