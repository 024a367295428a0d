import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../../package.json' with { type: 'json' };
import { ownArchitecture } from './program.ts';

/**
 * Writes the archive of a program for this architecture and its SHA256SUMS to `directory`, in the
 * layout of a release; returns the name of the archive.
 */
export function writeProgramArchive(directory: string, program: string): string {
  const name = `fairlead-${manifest.version}-linux-${ownArchitecture}`;
  mkdirSync(join(directory, name, 'bin'), { recursive: true });
  copyFileSync(program, join(directory, name, 'bin/fairlead'));
  const archive = `fairlead-linux-${ownArchitecture}.tar.gz`;
  execFileSync('tar', ['-I', 'gzip -1', '-cf', archive, '--remove-files', name], { cwd: directory });
  const digest = createHash('sha256')
    .update(readFileSync(join(directory, archive)))
    .digest('hex');
  writeFileSync(join(directory, 'SHA256SUMS'), `${digest}  ${archive}\n`);
  return archive;
}
