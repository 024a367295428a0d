import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { bashCompletion } from '#cli/definitions/bash-completion';
import { fishCompletion } from '#cli/definitions/fish-completion';
import { zshCompletion } from '#cli/definitions/zsh-completion';
import { describeProgram } from '../describe-program.ts';
import { manPages } from './man-pages.ts';
import type { Release, TreeFile } from './release.ts';
import { systemdUnits, unitNames } from './systemd-units.ts';

const root = new URL('../../', import.meta.url);

/** Where zsh finds the completion on most distributions. */
export const zshFunction = 'usr/share/zsh/site-functions/_fairlead';

/** The directory of the documentation of a package. */
export const documentation = 'usr/share/doc/fairlead';

/**
 * Returns the files that the packages for dpkg and rpm have in common. Man pages are compressed, as
 * distributions have them.
 *
 * @param executable the path of the program
 * @param more further files, such as licenses
 */
export async function packageFiles(
  { version, epoch }: Pick<Release, 'version' | 'epoch'>,
  executable: string,
  more: readonly TreeFile[] = [],
): Promise<TreeFile[]> {
  const program = await describeProgram();
  const write = (path: string, text: string | Uint8Array): TreeFile => ({
    path,
    mode: 0o644,
    source: Buffer.from(text),
  });
  const copy = (path: string, from: string): TreeFile => ({
    path,
    mode: 0o644,
    source: fileURLToPath(new URL(from, root)),
  });
  return [
    { path: 'usr/bin/fairlead', mode: 0o755, source: executable },
    ...Object.entries(systemdUnits('/usr/bin/fairlead')).map(([name, text]) =>
      write(`usr/lib/systemd/system/${name}`, text),
    ),
    ...unitNames
      .map((name) => name.replace('.service', ''))
      .map((name) => copy(`etc/default/${name}`, `deploy/packages/${name}.default`)),
    copy(`${documentation}/examples/policy.yaml`, 'deploy/shim/policy.yaml'),
    copy(`${documentation}/CHANGELOG.md`, 'CHANGELOG.md'),
    // gzipSync writes neither a name nor a time.
    ...Object.entries(manPages(program, { version, epoch })).map(([name, text]) =>
      write(`usr/share/man/man1/${name}.gz`, gzipSync(text, { level: 9 })),
    ),
    write('usr/share/bash-completion/completions/fairlead', bashCompletion(program)),
    write(zshFunction, zshCompletion(program)),
    write('usr/share/fish/vendor_completions.d/fairlead.fish', fishCompletion(program)),
    ...more,
  ];
}

/** Reports whether a file belongs to the administrator, so that an upgrade keeps changes to it. */
export function isConfiguration({ path }: TreeFile): boolean {
  return path.startsWith('etc/');
}
