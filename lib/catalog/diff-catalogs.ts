import type { Digest } from '#lib/registry/digest';
import { formatRepository } from '#lib/registry/reference';
import type { CatalogEntry } from './entry.ts';
import { compareEntries } from './shard.ts';

/** A tag that points to another artifact than before. */
export interface MovedTag {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly from: Digest;
  readonly to: Digest;
}

/** What differs between two catalogs. All lists are sorted by repository. */
export interface CatalogDiff {
  readonly added: readonly CatalogEntry[];
  readonly removed: readonly CatalogEntry[];
  /** The same artifact with other tags, or other signers. */
  readonly changed: readonly { readonly from: CatalogEntry; readonly to: CatalogEntry }[];
  /** Tags that both have, for different artifacts. */
  readonly moved: readonly MovedTag[];
}

/** Returns what differs between the entries of two catalogs. */
export function diffCatalogs(before: Iterable<CatalogEntry>, after: Iterable<CatalogEntry>): CatalogDiff {
  const [old, now] = [byId(before), byId(after)];
  const changed = [...now].flatMap(([id, to]) => {
    const from = old.get(id);
    return from === undefined || factsOf(from) === factsOf(to) ? [] : [{ from, to }];
  });
  return {
    added: without(now, old),
    removed: without(old, now),
    changed: changed.sort((one, other) => compareEntries(one.to, other.to)),
    moved: movedTags(old.values(), now.values()),
  };
}

function byId(entries: Iterable<CatalogEntry>): Map<string, CatalogEntry> {
  return new Map([...entries].map((entry) => [`${formatRepository(entry)}@${entry.descriptor.digest}`, entry]));
}

function without(
  entries: ReadonlyMap<string, CatalogEntry>,
  others: ReadonlyMap<string, CatalogEntry>,
): readonly CatalogEntry[] {
  return [...entries].flatMap(([id, entry]) => (others.has(id) ? [] : [entry])).sort(compareEntries);
}

/** What may differ for one digest. */
function factsOf({ tags, signers }: CatalogEntry): string {
  return JSON.stringify([tags, signers.map((signer) => JSON.stringify(signer))]);
}

function movedTags(before: Iterable<CatalogEntry>, after: Iterable<CatalogEntry>): readonly MovedTag[] {
  const held = new Map<string, Digest>();
  for (const entry of before) {
    for (const tag of entry.tags) held.set(`${formatRepository(entry)}:${tag}`, entry.descriptor.digest);
  }
  return [...after].toSorted(compareEntries).flatMap((entry) => {
    const { registry, repository, tags, descriptor } = entry;
    return tags.flatMap((tag) => {
      const from = held.get(`${formatRepository(entry)}:${tag}`);
      return from === undefined || from === descriptor.digest
        ? []
        : [{ registry, repository, tag, from, to: descriptor.digest }];
    });
  });
}
