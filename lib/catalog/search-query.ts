import type { RuntimeKind } from '#lib/profile/profile';
import type { CatalogProfile } from './entry.ts';

/** The orders of profiles: by name, the last published first, or those that leave fewest calls. */
export const searchSorts = ['name', 'updated', 'calls'] as const;

/** An order of profiles. */
export type SearchSort = (typeof searchSorts)[number];

/** What a profile is filtered by, and counted for. */
export type FacetName = 'kind' | 'signer' | 'image' | 'architecture';

/** What is wanted. All that is given must hold, of the newest version of a profile. */
export interface SearchQuery {
  /**
   * Words that must all occur, in any letter case, in the repository, the summary, an annotation,
   * an image, a signer or a tag.
   */
  readonly text?: string | undefined;
  readonly kind?: RuntimeKind | undefined;
  /** As signerName returns it; `none` for profiles without a verified signature. */
  readonly signer?: string | undefined;
  /** Repository of a container image, with registry and without tag. */
  readonly image?: string | undefined;
  /** By the name of Go. A profile without architectures matches none. */
  readonly architecture?: string | undefined;
  /** An annotation of the manifest: its key and, if given, its value. */
  readonly annotation?: { readonly key: string; readonly value?: string } | undefined;
  /** By default, `name`. */
  readonly sort?: SearchSort | undefined;
  /** `next` or `previous` of another result for the same query; the first page by default. */
  readonly after?: string | undefined;
  /** Most profiles of the page, 50 by default. */
  readonly limit?: number | undefined;
}

/** A value of a facet. */
export interface FacetCount {
  readonly value: string;
  /** Profiles that have it, and that match all filters but the one of this facet. */
  readonly count: number;
}

/** Where the profiles begin whose names have a letter, of a result that is sorted by name. */
export interface LetterMark {
  /** `a` to `z`, or `#` for all others. */
  readonly letter: string;
  readonly count: number;
  /** The cursor of the page that begins with it; '' is the first page. */
  readonly after: string;
}

/** One page of the profiles that match. */
export interface SearchResult {
  readonly profiles: readonly CatalogProfile[];
  /** All that match. */
  readonly total: number;
  /** How many come before this page. */
  readonly offset: number;
  /** The most frequent first, then by name. */
  readonly facets: Readonly<Record<FacetName, readonly FacetCount[]>>;
  /** Empty unless the result is sorted by name. */
  readonly letters: readonly LetterMark[];
  /** The cursor of the next page; absent on the last one. */
  readonly next?: string;
  /** The cursor of the page before; '' is the first page. Absent on the first one. */
  readonly previous?: string;
}

/** What the searched catalogs contain. */
export interface CatalogTotals {
  readonly profiles: number;
  readonly registries: number;
  /** The kinds that occur, sorted. */
  readonly kinds: readonly RuntimeKind[];
}
