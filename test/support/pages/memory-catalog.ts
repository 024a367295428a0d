import type { CatalogProfile } from '#lib/catalog/entry';
import type {
  CatalogQuery,
  CatalogResult,
  CatalogState,
  CatalogView,
  FacetValue,
  FilterName,
} from '#services/pull/pages/catalog-view';

const names: readonly FilterName[] = ['kind', 'signer', 'image', 'architecture'];

/** Returns a catalog of these profiles, for tests of pages. Every search goes through all. */
export function memoryCatalog(
  profiles: readonly CatalogProfile[],
  catalogs: readonly CatalogState[] = [],
): CatalogView {
  return {
    totals: {
      profiles: profiles.length,
      registries: new Set(profiles.map(({ registry }) => registry)).size,
      kinds: [...new Set(profiles.map(({ versions: [{ kind }] }) => kind))],
    },
    catalogs,
    search: (query) => search(profiles, query),
    profile: (registry, repository) =>
      profiles.find((profile) => profile.registry === registry && profile.repository === repository),
  };
}

function search(profiles: readonly CatalogProfile[], query: CatalogQuery): CatalogResult {
  const found = profiles.filter((profile) => matches(profile, query)).toSorted(orderOf(query));
  // A cursor is a position.
  const [offset, limit] = [Number(query.after ?? 0), query.limit ?? 50];
  const end = offset + limit;
  const letters = new Map(found.map(({ name }, index) => [letterOf(name), String(index)] as const).toReversed());
  return {
    profiles: found.slice(offset, end),
    total: found.length,
    offset,
    ...(offset > 0 && { previous: offset > limit ? String(offset - limit) : '' }),
    ...(end < found.length && { next: String(end) }),
    facets: {
      kind: facetOf(profiles, query, 'kind'),
      signer: facetOf(profiles, query, 'signer'),
      image: facetOf(profiles, query, 'image'),
      architecture: facetOf(profiles, query, 'architecture'),
    },
    letters: (query.sort ?? 'name') === 'name' ? [...letters].map(([letter, after]) => ({ letter, after })) : [],
  };
}

function letterOf(name: string): string {
  return /^[a-z]/.test(name) ? name.charAt(0) : '#';
}

function orderOf({ sort }: CatalogQuery): (a: CatalogProfile, b: CatalogProfile) => number {
  const byName = (a: CatalogProfile, b: CatalogProfile) => (a.name < b.name ? -1 : 1);
  const kept = ({ versions: [{ calls }] }: CatalogProfile) => calls?.allowed ?? Number.MAX_SAFE_INTEGER;
  if (sort === 'calls') return (a, b) => kept(a) - kept(b);
  const created = ({ versions: [newest] }: CatalogProfile) => newest.created ?? '';
  return sort === 'updated' ? (a, b) => (created(a) < created(b) ? 1 : -1) : byName;
}

function matches(profile: CatalogProfile, { text, ...filters }: Partial<CatalogQuery>): boolean {
  const { summary = '', images } = profile.versions[0];
  const words = `${profile.registry}/${profile.repository} ${summary} ${images.join(' ')}`.toLowerCase();
  if (
    text !== undefined &&
    !text
      .toLowerCase()
      .split(/\s+/)
      .every((word) => words.includes(word))
  )
    return false;
  return names.every((name) => filters[name] === undefined || valuesOf(profile, name).includes(filters[name] ?? ''));
}

function valuesOf(profile: CatalogProfile, name: FilterName): readonly string[] {
  const { kind, signers, images, architectures } = profile.versions[0];
  if (name === 'kind') return [kind];
  if (name === 'image') return images;
  if (name === 'architecture') return architectures;
  if (signers.length === 0) return ['none'];
  return signers.map((signer) => ('key' in signer ? `key:${signer.key}` : `${signer.identity} ${signer.issuer}`));
}

/** Counts the values among the profiles that the other filters leave. */
function facetOf(all: readonly CatalogProfile[], query: CatalogQuery, name: FilterName): FacetValue[] {
  const { [name]: _, ...others } = query;
  const counts = new Map<string, number>();
  const found = all.filter((profile) => matches(profile, others)).flatMap((profile) => valuesOf(profile, name));
  for (const value of found) counts.set(value, (counts.get(value) ?? 0) + 1);
  const values = [...counts].map(([value, count]) => ({ value, count }));
  return values.toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}
