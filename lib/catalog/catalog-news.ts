import type { Digest } from '#lib/registry/digest';
import { formatRepository } from '#lib/registry/reference';
import type { CatalogEntry, CatalogProfile } from './entry.ts';

/** The newest version of each profile, by `registry/repository`, as a follower has seen it. */
export type SeenVersions = Readonly<Record<string, Digest>>;

/** What is new about a profile since a follower looked. */
export interface CatalogNews {
  /** `registry/repository`. */
  readonly repository: string;
  readonly change: 'new' | 'updated' | 'removed';
  /** The newest version before; absent for a new profile. */
  readonly from?: Digest;
  /** The newest version now; absent for a removed profile. */
  readonly to?: CatalogEntry;
}

/** Returns the newest version of each profile. */
export function seenVersions(profiles: readonly CatalogProfile[]): SeenVersions {
  return Object.fromEntries(
    profiles.map((profile) => [formatRepository(profile), profile.versions[0].descriptor.digest]),
  );
}

/**
 * Returns what is new since a follower looked, sorted by repository: profiles, and their newest
 * versions. Other versions are not news, such as a fix of an older one.
 */
export function catalogNews(before: SeenVersions, profiles: readonly CatalogProfile[]): readonly CatalogNews[] {
  const news: CatalogNews[] = [];
  const names = new Set<string>();
  for (const profile of profiles) {
    const repository = formatRepository(profile);
    names.add(repository);
    const [to] = profile.versions;
    const from = Object.hasOwn(before, repository) ? before[repository] : undefined;
    if (from === undefined) news.push({ repository, change: 'new', to });
    else if (from !== to.descriptor.digest) news.push({ repository, change: 'updated', from, to });
  }
  for (const [repository, from] of Object.entries(before)) {
    if (!names.has(repository)) news.push({ repository, change: 'removed', from });
  }
  return news.sort((one, other) => (one.repository < other.repository ? -1 : 1));
}
