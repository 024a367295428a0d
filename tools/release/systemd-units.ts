import { readFileSync } from 'node:fs';

const deploy = new URL('../../deploy/', import.meta.url);

/** Where the units expect the program in the repository, and in an installation of the archive. */
const installed = 'ExecStart=/usr/local/bin/fairlead ';

/** The units by file name, in the order in which they are stopped. */
const unitFiles: Readonly<Record<string, string>> = {
  'fairlead-push.service': 'services/fairlead-push.service',
  'fairlead-pull.service': 'services/fairlead-pull.service',
  // Before its service, which it would start again.
  'fairlead-shim.socket': 'shim/fairlead-shim.socket',
  'fairlead-shim.service': 'shim/fairlead-shim.service',
  'fairlead-lsm.socket': 'lsm/fairlead-lsm.socket',
  'fairlead-lsm.service': 'lsm/fairlead-lsm.service',
};

/** The file names of the units. */
export const unitNames: readonly string[] = Object.keys(unitFiles);

/** The file names of the units that run the program. */
export const serviceNames: readonly string[] = unitNames.filter(isService);

/**
 * Returns the systemd units by file name.
 *
 * @param program the path of the installed program
 */
export function systemdUnits(program: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(unitFiles).map(([name, file]) => {
      const text = readFileSync(new URL(file, deploy), 'utf8');
      if (!isService(name)) return [name, text];
      const parts = text.split(installed);
      if (parts.length !== 2) throw new Error(`deploy/${file}: want one line that begins with ${installed}`);
      return [name, parts.join(`ExecStart=${program} `)];
    }),
  );
}

function isService(name: string): boolean {
  return name.endsWith('.service');
}
