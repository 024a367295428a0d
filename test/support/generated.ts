import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

/**
 * Compares a file of the repository with what the code generates, or writes it with
 * FAIRLEAD_UPDATE=1.
 */
export function assertGenerated(path: string, generated: string): void {
  const file = new URL(path, root);
  if (process.env['FAIRLEAD_UPDATE'] === '1') {
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, generated);
  } else assert.equal(readFileSync(file, 'utf8'), generated, 'npm run docs writes the file');
}
