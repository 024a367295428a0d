import { FairleadError } from '#lib/errors';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { registryName, repositoryName } from '#lib/registry/registry-name';
import type { CatalogEntry, CatalogProfile } from './entry.ts';
import { groupEntries } from './group-entries.ts';
import { compareKeys, readCursor, type SortKey, sortKey, writeCursor } from './search-order.ts';
import {
  type CatalogTotals,
  type FacetCount,
  type FacetName,
  type LetterMark,
  type SearchQuery,
  type SearchResult,
  type SearchSort,
  searchSorts,
} from './search-query.ts';
import { FacetValues, facetNames, type SearchRow, searchRow } from './search-row.ts';

/** Most profiles of a page. */
export const maxPageSize = 1000;
const defaultPageSize = 50;
const maxTextLength = 1000;

/**
 * Searches the profiles of one or several catalogs in memory. Immutable: for a catalog that was
 * read again, construct another one, for which the cursors of this one are valid.
 */
export class CatalogSearch {
  readonly #values: Readonly<Record<FacetName, FacetValues>> = {
    kind: new FacetValues(),
    signer: new FacetValues(),
    image: new FacetValues(),
    architecture: new FacetValues(),
  };
  readonly #byName = new Map<string, CatalogProfile>();
  readonly #rows: readonly SearchRow[];
  readonly #orders = new Map<SearchSort, readonly SearchRow[]>();
  /** What the catalogs contain. */
  readonly totals: CatalogTotals;

  /** Takes the entries of all catalogs; of those that several have, the first. */
  constructor(entries: Iterable<CatalogEntry>) {
    const profiles = groupEntries(entries);
    this.#rows = profiles.map((profile) => searchRow(profile, this.#values));
    for (const profile of profiles) this.#byName.set(repositoryName(formatRepository(profile)), profile);
    this.totals = {
      profiles: profiles.length,
      registries: new Set(profiles.map(({ registry }) => registryName(registry))).size,
      kinds: [...new Set(profiles.map(({ versions: [{ kind }] }) => kind))].toSorted(),
    };
    for (const sort of searchSorts) this.#orders.set(sort, inOrder(this.#rows, sort));
  }

  /** The number of profiles. */
  get size(): number {
    return this.#rows.length;
  }

  /** Returns the profile of a repository, with its registry in any spelling. */
  get(repository: Pick<Reference, 'registry' | 'repository'>): CatalogProfile | undefined {
    return this.#byName.get(repositoryName(formatRepository(repository)));
  }

  /**
   * Returns one page of the profiles that match, and counts for filters. Throws InvalidInput for a
   * cursor of another order, and for a limit or a text that is too large.
   */
  search(query: SearchQuery = {}): SearchResult {
    const { sort = 'name', after = '', limit = defaultPageSize } = query;
    refuseInvalid(query, limit);
    const { matched, facets } = this.#match(query, this.#orders.get(sort) ?? []);
    const start = after === '' ? 0 : firstAfter(matched, readCursor(after, sort), sort);
    const end = Math.min(start + limit, matched.length);
    const cursorOf = (row: SearchRow | undefined): string =>
      row === undefined ? '' : writeCursor(sort, sortKey(row.profile, sort));
    return {
      profiles: matched.slice(start, end).map(({ profile }) => profile),
      total: matched.length,
      offset: start,
      facets,
      letters: sort === 'name' ? letterMarks(matched, cursorOf) : [],
      ...(end < matched.length && { next: cursorOf(matched[end - 1]) }),
      ...(start > 0 && { previous: cursorOf(matched[start - limit - 1]) }),
    };
  }

  #match(
    query: SearchQuery,
    rows: readonly SearchRow[],
  ): { matched: readonly SearchRow[]; facets: Record<FacetName, readonly FacetCount[]> } {
    const words = [...new Set((query.text ?? '').toLowerCase().split(/\s+/).filter(Boolean))];
    const { annotation } = query;
    const wanted = facetNames.map((name) => {
      const value = query[name];
      return value === undefined ? undefined : this.#values[name].find(value);
    });
    const counts = facetNames.map((name) => new Int32Array(this.#values[name].size));
    const matched: SearchRow[] = [];
    for (const row of rows) {
      if (!words.every((word) => row.text.includes(word))) continue;
      if (annotation !== undefined && !hasAnnotation(row, annotation)) continue;
      const failed = failedFacet(row, wanted);
      if (failed === 'several') continue;
      if (failed === undefined) matched.push(row);
      if (failed === undefined) for (let facet = 0; facet < counts.length; facet++) count(row, facet, counts);
      else count(row, failed, counts);
    }
    const facets = facetNames.map((name, at) => [name, this.#values[name].counted(counts[at] ?? new Int32Array())]);
    return { matched, facets: Object.fromEntries(facets) };
  }
}

function refuseInvalid({ text = '' }: SearchQuery, limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > maxPageSize) {
    throw new FairleadError('InvalidInput', `invalid limit ${limit}: want 1 to ${maxPageSize}`);
  }
  if (text.length > maxTextLength) {
    throw new FairleadError('InvalidInput', `the text has ${text.length} characters: want at most ${maxTextLength}`);
  }
}

/** Returns the facet whose filter a profile does not match; undefined if it matches all. */
function failedFacet(row: SearchRow, wanted: readonly (number | undefined)[]): number | 'several' | undefined {
  let failed: number | undefined;
  for (let facet = 0; facet < wanted.length; facet++) {
    const value = wanted[facet];
    if (value === undefined || row.facets[facet]?.includes(value)) continue;
    if (failed !== undefined) return 'several';
    failed = facet;
  }
  return failed;
}

/** Counts the values of a profile for one facet. */
function count({ facets }: SearchRow, facet: number, counts: readonly Int32Array[]): void {
  const [values, of] = [facets[facet], counts[facet]];
  if (values === undefined || of === undefined) return;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    of[value] = (of[value] as number) + 1;
  }
}

function hasAnnotation({ profile }: SearchRow, { key, value }: NonNullable<SearchQuery['annotation']>): boolean {
  const { annotations } = profile.versions[0];
  return Object.hasOwn(annotations, key) && (value === undefined || annotations[key] === value);
}

function inOrder(rows: readonly SearchRow[], sort: SearchSort): readonly SearchRow[] {
  return rows
    .map((row) => ({ row, key: sortKey(row.profile, sort) }))
    .sort((one, other) => compareKeys(one.key, other.key))
    .map(({ row }) => row);
}

/** Returns the index of the first row behind a position. */
function firstAfter(rows: readonly SearchRow[], position: SortKey, sort: SearchSort): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row !== undefined && compareKeys(sortKey(row.profile, sort), position) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function letterMarks(
  rows: readonly SearchRow[],
  cursorOf: (row: SearchRow | undefined) => string,
): readonly LetterMark[] {
  const marks = new Map<string, { letter: string; count: number; after: string }>();
  for (const [at, { profile }] of rows.entries()) {
    const first = profile.name.charAt(0);
    const letter = first >= 'a' && first <= 'z' ? first : '#';
    const mark = marks.get(letter);
    if (mark !== undefined) mark.count += 1;
    else marks.set(letter, { letter, count: 1, after: cursorOf(rows[at - 1]) });
  }
  return [...marks.values()];
}
