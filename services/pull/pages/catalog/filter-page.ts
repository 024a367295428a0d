import type { CatalogResult, FilterName } from '../catalog-view.ts';
import { filterGroup } from '../components/filter-group.ts';
import { type Html, html } from '../components/html.ts';
import { count } from '../components/words.ts';
import { layout } from '../site/layout.ts';
import type { KeyNames } from '../site/signer-label.ts';
import type { Site } from '../site/site.ts';
import { filterLinks, filterTokens } from './catalog-filters.ts';
import { catalogHref, filterTitles, type PageQuery } from './catalog-query.ts';

export interface FilterPage {
  readonly site: Site;
  readonly filter: FilterName;
  readonly query: PageQuery;
  readonly result: CatalogResult;
  readonly keyNames: KeyNames;
}

/** Returns the page with all values of a filter among the profiles that a query finds. */
export function filterPage({ site, filter, query, result, keyNames }: FilterPage): Html {
  const { one, several } = filterTitles[filter];
  const values = result.facets[filter].filter(({ count: profiles }) => profiles > 0);
  const title = `All ${count(values.length)} ${several}`;
  const links = filterLinks(filter, query, values, keyNames);
  const main = html`<h1>${title}</h1><p class="lead">Each with the number of its profiles. <a href="${catalogHref(query)}">Back to the
catalog</a></p>${filterTokens(query, result, keyNames)}<div class="values">${filterGroup({ title: one, values: links })}</div>`;
  return layout(site, { title, section: 'catalog' }, main);
}
