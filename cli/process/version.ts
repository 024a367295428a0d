import { readFileSync } from 'node:fs';

/** What this program was built from. */
export interface BuildInformation {
  readonly version: string;
  /** The Git commit, if the program was built from one. */
  readonly commit?: string;
  /** How the program was distributed: an executable of its own, a package of npm, or a checkout. */
  readonly distribution: 'executable' | 'npm' | 'source';
}

/** Returns what this program was built from. */
export function buildInformation(): BuildInformation {
  return { version: packageVersion(), distribution: import.meta.url.endsWith('.ts') ? 'source' : 'npm' };
}

/** Returns the version of this program. */
export function packageVersion(): string {
  // The package.json is two levels up from the sources and from the bundle in dist/cli.
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
