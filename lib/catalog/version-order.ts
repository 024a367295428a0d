import { compareVersions, type Version, versionOfTag } from '#lib/registry/version-tags';
import { compareNaturally } from '#lib/text/natural-order';
import type { CatalogEntry } from './entry.ts';

/** A tag such as `1.27`, `v2` or `1.27-alpine`, which is no semantic version. */
const shortVersion = /^v?(\d{1,9})(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]+)?$/;

/** Returns the version that a tag names, also in part (`1.27` is 1.27.0); undefined for others. */
function versionIn(tag: string): Version | undefined {
  const full = versionOfTag(tag);
  if (full !== undefined) return full;
  const [, major, minor = '0', suffix = ''] = shortVersion.exec(tag) ?? [];
  return major === undefined ? undefined : versionOfTag(`${major}.${minor}.0${suffix}`);
}

/** Compares tags: that of the newest version first, then other tags by their names. */
export function compareTags(one: string, other: string): number {
  const [version, otherVersion] = [versionIn(one), versionIn(other)];
  if (version !== undefined && otherVersion !== undefined) {
    // Of tags for one version, the full one comes first.
    return compareVersions(otherVersion, version) || other.length - one.length || compareNaturally(one, other);
  }
  if (version !== undefined) return -1;
  return otherVersion !== undefined ? 1 : compareNaturally(one, other);
}

/**
 * Compares artifacts of one repository, the newest first: by the version of their tags, or the one
 * that the publisher states; those without a version after them, by the time that the publisher
 * states, then by their tags; by digest if nothing else tells them apart.
 */
export function compareByAge(one: CatalogEntry, other: CatalogEntry): number {
  const [version, otherVersion] = [versionOf(one), versionOf(other)];
  if (version !== undefined && otherVersion !== undefined) {
    const order = compareVersions(otherVersion, version);
    if (order !== 0) return order;
  } else if (version !== undefined) return -1;
  else if (otherVersion !== undefined) return 1;
  return (
    timeOf(other) - timeOf(one) ||
    compareNaturally(other.tags[0] ?? '', one.tags[0] ?? '') ||
    (one.descriptor.digest < other.descriptor.digest ? -1 : 1)
  );
}

function versionOf({ tags: [first = ''], annotations }: CatalogEntry): Version | undefined {
  return versionIn(first) ?? versionIn(annotations['org.opencontainers.image.version'] ?? '');
}

function timeOf({ created }: CatalogEntry): number {
  return created === undefined ? 0 : Date.parse(created);
}
