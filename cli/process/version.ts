import { readFileSync } from 'node:fs';

/** The version of this program. */
export function packageVersion(): string {
  // From the sources and from the bundle in dist/cli, two levels up is the package.json of the
  // package.
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
