import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { buildProgram, ownArchitecture } from './program.ts';

/**
 * Builds the executable of this checkout for this architecture, and writes its archive and
 * SHA256SUMS to `directory`, in the layout of a release; returns the name of the archive.
 */
export async function writeProgramArchive(directory: string): Promise<string> {
  const work = join(directory, 'work');
  const name = `fairlead-${manifest.version}-linux-${ownArchitecture}`;
  mkdirSync(join(directory, name, 'bin'), { recursive: true });
  renameSync(await buildProgram(work), join(directory, name, 'bin/fairlead'));
  rmSync(work, { recursive: true });
  const archive = `fairlead-linux-${ownArchitecture}.tar.gz`;
  execFileSync('tar', ['-I', 'gzip -1', '-cf', archive, '--remove-files', name], { cwd: directory });
  const digest = createHash('sha256')
    .update(readFileSync(join(directory, archive)))
    .digest('hex');
  writeFileSync(join(directory, 'SHA256SUMS'), `${digest}  ${archive}\n`);
  return archive;
}
