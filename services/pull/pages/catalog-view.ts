import type { CatalogProfile } from '#lib/catalog/entry';
import type { RuntimeKind } from '#lib/profile/profile';

/** What the pages need of the catalogs that the service follows, as they are at one moment. */
export interface CatalogView {
  readonly totals: CatalogTotals;
  /** Empty if the service follows no catalog. */
  readonly catalogs: readonly CatalogState[];
  search(query: CatalogQuery): CatalogResult;
  profile(registry: string, repository: string): CatalogProfile | undefined;
}

/** What the catalogs contain. */
export interface CatalogTotals {
  readonly profiles: number;
  readonly registries: number;
  /** The kinds that occur. */
  readonly kinds: readonly RuntimeKind[];
}

/** One catalog that the service follows. */
export interface CatalogState {
  readonly reference: string;
  /** When it was built, RFC 3339, as the catalog states it. */
  readonly built?: string;
  /** Whether its signature was verified under the trust policy of the service. */
  readonly verified: boolean;
  /** Why the newest catalog could not be read, in one line; the one before it is still in force. */
  readonly problem?: string;
}

export type CatalogOrder = 'name' | 'calls' | 'updated';

/** The filters of a query. Each has the value of a facet. */
export interface CatalogFilters {
  readonly kind?: RuntimeKind | undefined;
  /** `none` for profiles without a known signer. */
  readonly signer?: string | undefined;
  readonly image?: string | undefined;
  readonly architecture?: string | undefined;
}

export type FilterName = keyof CatalogFilters;

export interface CatalogQuery extends CatalogFilters {
  /** Words that are all to be found. */
  readonly text?: string | undefined;
  readonly sort?: CatalogOrder | undefined;
  /** A cursor of a result, or of its letters. */
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
}

/** A value of a filter, and how many profiles have it among those that the other filters leave. */
export interface FacetValue {
  readonly value: string;
  readonly count: number;
}

/** One page of the profiles that a query finds. */
export interface CatalogResult {
  readonly profiles: readonly CatalogProfile[];
  /** How many the query finds in all. */
  readonly total: number;
  /** How many come before this page. */
  readonly offset: number;
  /** The most frequent value first. */
  readonly facets: Readonly<Record<FilterName, readonly FacetValue[]>>;
  /** The first letters of names that occur; empty for other orders. */
  readonly letters: readonly LetterMark[];
  /** Cursor of the next page; absent on the last. */
  readonly next?: string;
  /** Cursor of the page before, `''` for the first; absent on the first. */
  readonly previous?: string;
}

/** Where the names with a first letter begin. */
export interface LetterMark {
  /** `a` to `z`, or `#` for all others. */
  readonly letter: string;
  readonly after: string;
}
