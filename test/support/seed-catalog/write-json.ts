import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const biome = fileURLToPath(new URL('../../../node_modules/.bin/biome', import.meta.url));

/** Writes a file of JSON as `npm run check` wants it: each call on a line of its own. */
export function writeJson(file: string, json: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, json);
  execFileSync(biome, ['format', '--write', file], { stdio: ['ignore', 'ignore', 'inherit'] });
}
