import type { CatalogSearch } from '#lib/catalog/search';
import { filterTitles, type PageQuery, setFilters, withFilter } from './catalog-query.ts';

/** A query near one that found nothing, which finds something. */
export interface WayOut {
  readonly label: string;
  readonly query: PageQuery;
  readonly total: number;
}

/** Ways out that are shown. */
const most = 3;

/** Returns what to leave out of a query that found nothing, those that find the fewest first. */
export function waysOut(catalog: CatalogSearch, query: PageQuery): WayOut[] {
  const criteria = [
    ...(query.text === undefined ? [] : [{ label: 'Remove the search', query: withFilter(query, 'text') }]),
    ...setFilters(query).map(([name]) => ({
      label: `Remove the filter by ${filterTitles[name].one.toLowerCase()}`,
      query: withFilter(query, name),
    })),
  ];
  const ways = criteria
    .map((way) => ({ ...way, total: catalog.search({ ...way.query, limit: 1 }).total }))
    .filter(({ total }) => total > 0)
    .toSorted((a, b) => a.total - b.total);
  const all = { label: 'Show all profiles', query: { sort: query.sort }, total: catalog.totals.profiles };
  return [...ways.slice(0, most - 1), all];
}
