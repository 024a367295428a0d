import type { CatalogState } from '../catalog-view.ts';

/** What every page shows of the service. */
export interface Site {
  /** The version of Fairlead. */
  readonly version: string;
  readonly catalogs: readonly CatalogState[];
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
