import { join } from 'node:path';
import type { TreeFile } from './release.ts';
import { systemdUnits } from './systemd-units.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Returns the files of the archive: the program, its systemd units and documentation, with paths
 * below the prefix /usr/local.
 *
 * @param executable the path of the program
 * @param shared from `sharedFiles`
 */
export function archiveFiles(executable: string, shared: readonly TreeFile[]): TreeFile[] {
  const units = Object.entries(systemdUnits('/usr/local/bin/fairlead'));
  return [
    { path: 'bin/fairlead', mode: 0o755, source: executable },
    ...units.map(([name, text]) => ({ path: `lib/systemd/system/${name}`, mode: 0o644, source: Buffer.from(text) })),
    ...shared,
    copy('share/doc/fairlead/CHANGELOG.md', 'CHANGELOG.md'),
    copy('share/doc/fairlead/examples/policy.yaml', 'deploy/shim/policy.yaml'),
  ];
}

/**
 * Returns the files that every distribution of the executable has, with paths below a prefix: its
 * license and those of what it contains.
 *
 * @param licenses the text with all licenses of others
 */
export function sharedFiles(licenses: string): TreeFile[] {
  return [
    copy('share/doc/fairlead/LICENSE', 'LICENSE'),
    { path: 'share/doc/fairlead/THIRD-PARTY-LICENSES', mode: 0o644, source: Buffer.from(licenses) },
  ];
}

function copy(path: string, from: string): TreeFile {
  return { path, mode: 0o644, source: join(root, from) };
}
