import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import { formatRepository } from '#lib/registry/reference';
import type { Caller } from '#services/callers/caller';
import type { FollowedCatalogs } from '../catalogs.ts';
import type { Readers } from '../readers/readers.ts';

/** Returns an entry as answers have it. */
export function describeEntry({ registry: _, repository: __, descriptor, ...entry }: CatalogEntry): object {
  return { digest: descriptor.digest, ...entry };
}

/** Returns a profile with its newest version, as answers have it. */
export function describeFound(profile: CatalogProfile): object {
  const { name, versions } = profile;
  return { repository: formatRepository(profile), name, versions: versions.length, newest: describeEntry(versions[0]) };
}

/**
 * Verifies that a caller may read the catalogs: their search has no part that only some may see.
 * Throws as Readers.authorize.
 */
export function authorizeCatalogs(
  readers: Readers,
  caller: Caller,
  { references }: Pick<FollowedCatalogs, 'references'>,
): void {
  readers.admit(caller);
  for (const reference of references) readers.authorize(caller, reference, undefined);
}
