import manifest from '../../package.json' with { type: 'json' };

/** What this program was built from. */
export interface BuildInformation {
  readonly version: string;
  /** The Git commit, if the program was built from one. */
  readonly commit?: string;
  /** How the program was distributed: an executable of its own, a package of npm, or a checkout. */
  readonly distribution: 'executable' | 'npm' | 'source';
}

/** Replaced by the build (tools/bundle.ts); undefined in a checkout. */
declare const fairleadBuild: Omit<BuildInformation, 'version'> | undefined;

/** Returns what this program was built from. */
export function buildInformation(): BuildInformation {
  const build = typeof fairleadBuild === 'undefined' ? { distribution: 'source' as const } : fairleadBuild;
  return { version: manifest.version, ...build };
}

/** Returns the version of this program. */
export function packageVersion(): string {
  return manifest.version;
}
