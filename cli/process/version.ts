import { readFileSync } from 'node:fs';

/** Returns the version of this program. */
export function packageVersion(): string {
  // The package.json is two levels up from the sources and from the bundle in dist/cli.
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
