/** One catalog that the service follows. */
export interface ShownCatalog {
  readonly reference: string;
  /** When it was built, RFC 3339, as the catalog states it. */
  readonly built?: string;
  /** Whether its signature was verified under the trust policy of the service. */
  readonly verified: boolean;
  /** Why the newest catalog could not be read, in one line; the one before it is still in force. */
  readonly problem?: string;
}

/** What every page shows of the service. */
export interface Site {
  /** The version of Fairlead. */
  readonly version: string;
  readonly catalogs: readonly ShownCatalog[];
  /** Revision of the trust policy in force. */
  readonly policyRevision: string;
}

/** The entries of the navigation. */
export type Section = 'catalog' | 'images' | 'why' | 'playground' | 'api';

/** A page in the layout of the site. */
export interface Page {
  /** What the page is about, for the title of the window. */
  readonly title: string;
  /** The entry of the navigation that the page belongs to. */
  readonly section?: Section;
  /** Whether the page itself has the search field. */
  readonly ownSearch?: true;
}
