import { fileURLToPath } from 'node:url';
import { below, pluginLink, unitFiles } from './program-files.ts';
import type { TreeFile } from './release.ts';
import { serviceNames } from './systemd-units.ts';

const packages = new URL('../../deploy/packages/', import.meta.url);

/**
 * Returns the files that the packages for dpkg and rpm have in common.
 *
 * @param executable the path of the program
 * @param belonging from `belongingFiles`, and licenses
 */
export function packageFiles(executable: string, belonging: readonly TreeFile[]): TreeFile[] {
  const settings = serviceNames.map((name) => name.replace('.service', ''));
  return [
    { path: 'usr/bin/fairlead', mode: 0o755, source: executable },
    pluginLink('usr/bin'),
    ...unitFiles('usr/lib/systemd/system', '/usr/bin/fairlead'),
    ...settings.map((name) => ({
      path: `etc/default/${name}`,
      mode: 0o644,
      source: fileURLToPath(new URL(`${name}.default`, packages)),
    })),
    ...below('usr', belonging),
  ];
}

/** Reports whether a file belongs to the administrator, so that an upgrade keeps changes to it. */
export function isConfiguration({ path }: TreeFile): boolean {
  return path.startsWith('etc/');
}
