import { readFileSync } from 'node:fs';

/** The version of this program. */
export function packageVersion(): string {
  // One level up lies the package.json of a checkout; in the published package, that of dist.
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
