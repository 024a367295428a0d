import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { bundleProgram } from '../../../tools/bundle.ts';
import { buildExecutable, executableAssets } from '../../../tools/release/executable.ts';
import type { Architecture } from '../../../tools/release/release.ts';

/**
 * Builds the executable of this checkout for this architecture, and writes its archive and
 * SHA256SUMS to `directory`, in the layout of a release; returns the name of the archive.
 */
export async function writeProgramArchive(directory: string): Promise<string> {
  const architecture = process.arch as Architecture;
  const work = join(directory, 'work');
  const name = `fairlead-${manifest.version}-linux-${architecture}`;
  mkdirSync(join(directory, name, 'bin'), { recursive: true });
  const node = process.execPath;
  const assets = executableAssets(await bundleProgram({ distribution: 'executable' }), work, node);
  renameSync(await buildExecutable(architecture, { node, assets, work }), join(directory, name, 'bin/fairlead'));
  rmSync(work, { recursive: true });
  const archive = `fairlead-linux-${architecture}.tar.gz`;
  execFileSync('tar', ['-I', 'gzip -1', '-cf', archive, '--remove-files', name], { cwd: directory });
  const digest = createHash('sha256')
    .update(readFileSync(join(directory, archive)))
    .digest('hex');
  writeFileSync(join(directory, 'SHA256SUMS'), `${digest}  ${archive}\n`);
  return archive;
}
