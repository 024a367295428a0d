import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { TreeFile } from './release.ts';
import { systemdUnits, unitNames } from './systemd-units.ts';

const root = new URL('../../', import.meta.url);

/** The directory of the documentation of a package. */
export const documentation = 'usr/share/doc/fairlead';

/**
 * Returns the files that the packages for dpkg and rpm have in common. Man pages are compressed, as
 * distributions have them.
 *
 * @param executable the path of the program
 * @param more further files, such as man pages and licenses
 */
export function packageFiles(executable: string, more: readonly TreeFile[] = []): TreeFile[] {
  const copy = (path: string, from: string): TreeFile => ({
    path,
    mode: 0o644,
    source: fileURLToPath(new URL(from, root)),
  });
  return [
    { path: 'usr/bin/fairlead', mode: 0o755, source: executable },
    ...Object.entries(systemdUnits('/usr/bin/fairlead')).map(([name, text]) => ({
      path: `usr/lib/systemd/system/${name}`,
      mode: 0o644,
      source: Buffer.from(text),
    })),
    ...unitNames
      .map((name) => name.replace('.service', ''))
      .map((name) => copy(`etc/default/${name}`, `deploy/packages/${name}.default`)),
    copy(`${documentation}/examples/policy.yaml`, 'deploy/shim/policy.yaml'),
    copy(`${documentation}/CHANGELOG.md`, 'CHANGELOG.md'),
    ...more.map(compressManPage),
  ];
}

function compressManPage(file: TreeFile): TreeFile {
  const { path, source } = file;
  if (!path.startsWith('usr/share/man/')) return file;
  const text = typeof source === 'string' ? readFileSync(source) : source;
  // gzipSync writes neither a name nor a time.
  return { ...file, path: `${path}.gz`, source: gzipSync(text, { level: 9 }) };
}

/** Reports whether a file belongs to the administrator, so that an upgrade keeps changes to it. */
export function isConfiguration({ path }: TreeFile): boolean {
  return path.startsWith('etc/');
}
