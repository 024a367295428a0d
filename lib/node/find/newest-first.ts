import { compareVersions, versionOfTag } from '#lib/registry/version-tags';
import type { FoundProfile } from './find-profiles.ts';

/**
 * Sorts profiles, the newest first: by their times; then those without a time by their versions;
 * then those without either by their digests.
 */
export function newestFirst(profiles: readonly FoundProfile[]): readonly FoundProfile[] {
  return profiles.toSorted(
    (one, other) =>
      compareDefined(
        one,
        other,
        ({ time }) => (time === undefined ? undefined : Date.parse(time.at)),
        (a, b) => b - a,
      ) ||
      compareDefined(
        one,
        other,
        ({ version = '' }) => versionOfTag(version),
        (a, b) => compareVersions(b, a),
      ) ||
      (one.descriptor.digest < other.descriptor.digest ? -1 : 1),
  );
}

/**
 * Returns the profiles of which none is known to be newer: one, if all have times or, without them,
 * versions. Whether a profile without a time is older than one with a time is not known.
 */
export function possiblyNewest(profiles: readonly FoundProfile[]): readonly FoundProfile[] {
  const newest = profiles.filter((one) => !profiles.some((other) => isNewer(other, one)));
  // Times and versions may contradict each other in a circle.
  return newest.length > 0 ? newest : profiles;
}

function isNewer(one: FoundProfile, other: FoundProfile): boolean {
  if (one.time !== undefined && other.time !== undefined) return Date.parse(one.time.at) > Date.parse(other.time.at);
  const [a, b] = [one, other].map(({ version = '' }) => versionOfTag(version));
  return a !== undefined && b !== undefined && compareVersions(a, b) > 0;
}

/** Compares by what both have; one that has it comes before one that does not. */
function compareDefined<T>(
  one: FoundProfile,
  other: FoundProfile,
  read: (profile: FoundProfile) => T | undefined,
  compare: (a: T, b: T) => number,
): number {
  const [a, b] = [read(one), read(other)];
  if (a === undefined) return b === undefined ? 0 : 1;
  return b === undefined ? -1 : compare(a, b);
}
