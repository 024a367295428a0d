import Range from 'semver/classes/range.js';
import type SemVer from 'semver/classes/semver.js';
import compareBuild from 'semver/functions/compare-build.js';
import parse from 'semver/functions/parse.js';
import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { isTag } from './reference.ts';

/** The tag of the newest release, by convention. */
const latestTag = 'latest';

/** A semantic version, parsed. */
export type Version = SemVer;

/** A set of versions, such as a range. */
export interface Versions {
  test(version: Version): boolean;
}

/** A tag that a new version is published under. */
export interface VersionTag {
  readonly tag: string;
  /** The tag of a newer version for which the tag stands as well; absent if the tag may move. */
  readonly newer?: string;
}

/**
 * Parses a version (Semantic Versioning 2.0.0), with an optional `v` before it. Throws InvalidInput
 * for another text, and for a version whose tag would be too long.
 */
export function parseVersion(text: string): Version {
  const version = parse(text);
  if (version === null || !isTag(tagOfVersion(version))) {
    throw new FairleadError('InvalidInput', `invalid version ${quote(text)}: want MAJOR.MINOR.PATCH, such as 1.4.2`, {
      hint: 'Versions are semantic versions (https://semver.org). For another tag, use `tag`.',
    });
  }
  return version;
}

/**
 * Returns the tag of a version. The `+` before build metadata, which tags cannot have, is written
 * as `_`, as Helm does.
 */
export function tagOfVersion(version: Version): string {
  return version.build.length === 0 ? version.version : `${version.version}_${version.build.join('.')}`;
}

/** Returns the version that a tag names in full, with or without `v`; undefined for other tags. */
export function versionOfTag(tag: string): Version | undefined {
  // semver ignores blanks around a version.
  return isTag(tag) ? (parse(tag.replace('_', '+')) ?? undefined) : undefined;
}

/** Compares versions, then their build metadata: below 0 if `one` is older. */
export function compareVersions(one: Version, other: Version): number {
  return compareBuild(one, other);
}

/**
 * Parses a range of versions as npm writes them (`^1.4`, `~1.4.2`, `>=1.4 <3`, `1.x`). Throws
 * InvalidInput.
 */
export function parseRange(text: string): Range {
  try {
    return new Range(text);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `invalid version range ${quote(text)}`, {
      cause,
      hint: 'Write a range such as ^1.4, ~1.4.2, ">=1.4 <3" or 1.x.',
    });
  }
}

/**
 * Returns the tag of the newest version in a range; undefined if none exists. Pre-releases count
 * only if the range names one of the same version, as with npm.
 */
export function newestTag(tags: Iterable<string>, range: Versions): string | undefined {
  let found: { readonly tag: string; readonly version: Version } | undefined;
  for (const tag of tags) {
    const version = versionOfTag(tag);
    if (version === undefined || !range.test(version)) continue;
    const order = found === undefined ? 1 : compareBuild(version, found.version);
    // Of 1.4.2 and v1.4.2, the one that is published here.
    if (order > 0 || (order === 0 && found?.tag.startsWith('v'))) found = { tag, version };
  }
  return found?.tag;
}

/** Returns the tags of the newest versions, the newest first; pre-releases count. */
export function newestTags(tags: Iterable<string>, count: number): readonly string[] {
  const versions = [...tags].flatMap((tag) => {
    const version = versionOfTag(tag);
    return version === undefined ? [] : [{ tag, version }];
  });
  versions.sort((one, other) => compareBuild(other.version, one.version));
  return versions.slice(0, count).map(({ tag }) => tag);
}

/** Returns the tag of the newest release before a version; undefined if none exists. */
export function tagBefore(tags: Iterable<string>, version: Version): string | undefined {
  const releases = new Range('*');
  return newestTag(tags, { test: (other) => releases.test(other) && compareBuild(other, version) < 0 });
}

/**
 * Returns the tags for a version, the full one first: of 1.4.2 also 1.4, 1 and, if requested,
 * `latest`. A pre-release has only its own tag. A version before 1.0.0 has no tag for its major
 * number, because each minor version may be incompatible. A tag that stands for a newer version
 * among `existing` tags has that one's tag as `newer`.
 */
export function versionTags(
  version: Version,
  { latest, existing }: { readonly latest: boolean; readonly existing: Iterable<string> },
): readonly VersionTag[] {
  const full: VersionTag = { tag: tagOfVersion(version) };
  if (version.prerelease.length > 0) return [full];
  const { major, minor } = version;
  const shorter: readonly (readonly [tag: string, stands: Versions])[] = [
    [`${major}.${minor}`, new Range(`~${major}.${minor}.0`)],
    ...(major === 0 ? [] : [[`${major}`, new Range(`^${major}.0.0`)] as const]),
    ...(latest ? [[latestTag, new Range('*')] as const] : []),
  ];
  const tags = [...existing];
  return [
    full,
    ...shorter.map(([tag, stands]): VersionTag => {
      const newer = newestTag(tags, { test: (other) => stands.test(other) && compareBuild(other, version) > 0 });
      return newer === undefined ? { tag } : { tag, newer };
    }),
  ];
}
