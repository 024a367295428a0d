import type { CatalogProfile, CatalogSigner } from '#lib/catalog/entry';
import { initialOf } from '#services/pull/pages/catalog/initials-rail';
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
  // A cursor is a position, or the first letter of a name.
  const { after = '' } = query;
  const letter = found.findIndex(({ name }) => initialOf(name) === after);
  const first = letter >= 0 ? letter : Number(after) || 0;
  const end = first + query.limit;
  return {
    profiles: found.slice(first, end),
    total: found.length,
    first,
    ...(first > 0 && { previous: first > query.limit ? String(first - query.limit) : '' }),
    ...(end < found.length && { next: String(end) }),
    facets: {
      kind: facetOf(profiles, query, 'kind'),
      signer: facetOf(profiles, query, 'signer'),
      image: facetOf(profiles, query, 'image'),
      architecture: facetOf(profiles, query, 'architecture'),
    },
    initials: [...new Set(found.map(({ name }) => initialOf(name)))].map((initial) => ({
      letter: initial,
      after: initial,
    })),
  };
}

function orderOf({ sort }: CatalogQuery): (a: CatalogProfile, b: CatalogProfile) => number {
  const byName = (a: CatalogProfile, b: CatalogProfile) =>
    initialOf(a.name) === initialOf(b.name)
      ? a.name < b.name
        ? -1
        : 1
      : initialOf(a.name) < initialOf(b.name)
        ? -1
        : 1;
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
  return names.every(
    (name) => filters[name] === undefined || valuesOf(profile, name).some(({ value }) => value === filters[name]),
  );
}

function valuesOf(profile: CatalogProfile, name: FilterName): { value: string; signer?: CatalogSigner }[] {
  const { kind, signers, images, architectures } = profile.versions[0];
  if (name === 'kind') return [{ value: kind }];
  if (name === 'image') return images.map((value) => ({ value }));
  if (name === 'architecture') return architectures.map((value) => ({ value }));
  if (signers.length === 0) return [{ value: 'none' }];
  return signers.map((signer) => ({
    value: 'key' in signer ? `key:${signer.key}` : `${signer.issuer} ${signer.identity}`,
    signer,
  }));
}

/** Counts the values among the profiles that the other filters leave. */
function facetOf(all: readonly CatalogProfile[], query: CatalogQuery, name: FilterName): FacetValue[] {
  const { [name]: _, ...others } = query;
  const counts = new Map<string, FacetValue>();
  const found = all.filter((profile) => matches(profile, others)).flatMap((profile) => valuesOf(profile, name));
  for (const value of found) {
    counts.set(value.value, { ...value, count: (counts.get(value.value)?.count ?? 0) + 1 });
  }
  return [...counts.values()].toSorted((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
}
