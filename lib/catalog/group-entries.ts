import { formatRepository } from '#lib/registry/reference';
import type { CatalogEntry, CatalogProfile } from './entry.ts';
import { compareByAge } from './version-order.ts';

/**
 * Groups entries by repository, sorted by `registry/repository`; the versions of each are sorted,
 * the newest first. An entry that several catalogs have is there once, as the first one has it.
 */
export function groupEntries(entries: Iterable<CatalogEntry>): readonly CatalogProfile[] {
  const groups = new Map<string, Map<string, CatalogEntry>>();
  for (const entry of entries) {
    const name = formatRepository(entry);
    const group = groups.get(name) ?? new Map<string, CatalogEntry>();
    groups.set(name, group);
    if (!group.has(entry.descriptor.digest)) group.set(entry.descriptor.digest, entry);
  }
  const names = [...groups.keys()].sort();
  return names.flatMap((name) => {
    const [newest, ...older] = [...(groups.get(name)?.values() ?? [])].sort(compareByAge);
    if (newest === undefined) return [];
    const { registry, repository } = newest;
    const lastSegment = repository.slice(repository.lastIndexOf('/') + 1);
    return [{ registry, repository, name: lastSegment, versions: [newest, ...older] }];
  });
}

/** How large a catalog is. */
export interface CatalogSize {
  /** Repositories. */
  readonly profiles: number;
  /** Artifacts. */
  readonly versions: number;
}

/** Returns the size of a catalog with these entries. */
export function sizeOfCatalog(entries: readonly CatalogEntry[]): CatalogSize {
  return { profiles: new Set(entries.map(formatRepository)).size, versions: entries.length };
}
