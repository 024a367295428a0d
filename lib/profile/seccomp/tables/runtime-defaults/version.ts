/** A release of a runtime, as far as its version tells it. */
export interface RuntimeVersion {
  /** Major, minor and patch. */
  readonly numbers: readonly [number, number, number];
  /**
   * `release` for the version alone, `pre-release` for what comes before it (`-rc.1`, `-dev`),
   * `vendor` for a build with any other suffix: `+unknown`, `-0ubuntu1`, `~ds1`, `-k3s2`.
   */
  readonly kind: 'release' | 'pre-release' | 'vendor';
}

const form = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?!\.?\d)(.{0,256})$/s;
/** Debian writes `~rc1` for semantic versioning's `-rc.1`. */
const preRelease = /^[-~](?:alpha|beta|dev|pre|rc)(?![a-z])/i;

/** Returns the release of a version; undefined if it does not begin with major, minor and patch. */
export function parseRuntimeVersion(text: string): RuntimeVersion | undefined {
  const [, major, minor, patch, suffix = ''] = form.exec(text) ?? [];
  if (major === undefined) return undefined;
  const kind = suffix === '' ? 'release' : preRelease.test(suffix) ? 'pre-release' : 'vendor';
  return { numbers: [Number(major), Number(minor), Number(patch)], kind };
}

/**
 * Returns a negative number if `one` precedes `other`, a positive one if it follows, and else 0;
 * suffixes do not count.
 */
export function compareVersions(one: readonly number[], other: readonly number[]): number {
  for (const [index, number] of one.entries()) {
    const difference = number - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
