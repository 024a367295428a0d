import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const plugin = join(import.meta.dirname, 'plugin.ts');

/**
 * Installs the plugin program of the tests (plugin.ts) into `bin` of a directory, as `filekms`, and
 * returns a PATH with it.
 */
export function installPlugin(directory: string): string {
  const bin = join(directory, 'bin');
  mkdirSync(bin, { recursive: true });
  const script = `#!/bin/sh\nexec '${process.execPath}' '${plugin}' "$@"\n`;
  writeFileSync(join(bin, 'sigstore-kms-filekms'), script, { mode: 0o755 });
  return `${bin}${delimiter}${process.env['PATH'] ?? ''}`;
}
