import type { FacetName, SearchResult } from '#lib/catalog/search-query';
import { filterList } from '../components/filter-group.ts';
import { type Html, html } from '../components/html.ts';
import { pager } from '../components/pager.ts';
import { count } from '../components/words.ts';
import { layout } from '../site/layout.ts';
import type { KeyNames } from '../site/signer-label.ts';
import type { Site } from '../site/site.ts';
import { filterLinks, filterTokens } from './catalog-filters.ts';
import { catalogHref, filterTitles, type PageQuery } from './catalog-query.ts';

export interface FilterPage {
  readonly site: Site;
  readonly filter: FacetName;
  readonly query: PageQuery;
  readonly result: SearchResult;
  /** The position of the first value. */
  readonly from: number;
  readonly keyNames: KeyNames;
}

/** Values on one page. */
const pageSize = 300;

/** Returns the page with all values of a filter among the profiles that a query finds. */
export function filterPage({ site, filter, query, result, from, keyNames }: FilterPage): Html {
  const { one, several } = filterTitles[filter];
  const all = result.facets[filter].filter(({ count: profiles }) => profiles > 0);
  const values = all.slice(from, from + pageSize);
  const title = all.length === 1 ? `1 ${one.toLowerCase()}` : `All ${count(all.length)} ${several}`;
  const path = `/filters/${filter}`;
  const main = html`<h1>${title}</h1><p class="lead">With the number of profiles of each. <a href="${catalogHref(query)}">Back to the
catalog</a></p>${filterTokens(query, result, keyNames)}<div class="values filter">${filterList(
    filterLinks(filter, query, values, keyNames),
  )}</div>${valuesPager({ path: catalogHref(query, path), total: all.length, from, shown: values.length })}`;
  return layout(site, { title, section: 'catalog' }, main);
}

/** Returns the pager of a list of values, absent if one page has all. */
export function valuesPager({
  path,
  total,
  from,
  shown,
}: {
  /** Address of the list, with its query. */
  path: string;
  total: number;
  from: number;
  shown: number;
}): Html | false {
  const at = (position: number): string => `${path}${path.includes('?') ? '&' : '?'}from=${position}`;
  const previous = from > 0 ? at(Math.max(0, Math.min(from, total) - pageSize)) : undefined;
  const next = from + shown < total ? at(from + pageSize) : undefined;
  if (previous === undefined && next === undefined) return false;
  return pager({ total, first: from, shown, order: 'the most frequent first', size: pageSize, previous, next });
}
