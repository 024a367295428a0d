import type { CatalogProfile, CatalogSigner } from '#lib/catalog/entry';
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
  readonly kind?: string;
  readonly signer?: string;
  readonly image?: string;
  readonly architecture?: string;
}

export type FilterName = keyof CatalogFilters;

export interface CatalogQuery extends CatalogFilters {
  /** Words that are all to be found. */
  readonly text?: string;
  readonly sort: CatalogOrder;
  /** A cursor of a result, or of its rail. */
  readonly after?: string;
  readonly limit: number;
}

/** A value of a filter, and how many profiles have it among those that the other filters leave. */
export interface FacetValue {
  readonly value: string;
  readonly count: number;
  /** The signer that the value stands for; absent for profiles without signature. */
  readonly signer?: CatalogSigner;
}

/** One part of the results in the order of a query. */
export interface CatalogResult {
  readonly profiles: readonly CatalogProfile[];
  /** How many profiles the query finds in all. */
  readonly total: number;
  /** The position of the first profile of this part; 0 for the first of all. */
  readonly first: number;
  /** Cursor of the part before this one, `''` for the first of all; absent in the first. */
  readonly previous?: string;
  /** Cursor of the part after this one; absent in the last. */
  readonly next?: string;
  /** The most frequent value first. */
  readonly facets: Readonly<Record<FilterName, readonly FacetValue[]>>;
  /** For the order by name: the initials that occur, each with the cursor where it begins. */
  readonly initials: readonly Initial[];
}

/** The first letter of names. */
export interface Initial {
  /** `A` to `Z`, or `0–9` for all others. */
  readonly letter: string;
  readonly after: string;
}
