import type { FacetCount, FacetName, SearchResult } from '#lib/catalog/search-query';
import { facetNames } from '#lib/catalog/search-row';
import { type FilterGroup, filterGroup } from '../components/filter-group.ts';
import { type Html, html } from '../components/html.ts';
import { publisher } from '../components/publisher.ts';
import { count } from '../components/words.ts';
import { type KeyNames, signerLabel, signerOf } from '../site/signer-label.ts';
import { catalogHref, filterTitles, type PageQuery, setFilters, withFilter } from './catalog-query.ts';

/** Values of a filter that the catalog shows: the page of the filter has all. */
const shownValues = 5;

/** Returns the filters of the catalog, as links that set and remove them. */
export function catalogFilters(query: PageQuery, { facets }: SearchResult, keyNames: KeyNames): Html {
  const set = setFilters(query).length;
  const groups = facetNames.map((name) => filterPart(name, query, facets[name], keyNames));
  return html`<details class="filters"><summary>Filters <small>${set === 0 ? 'none set' : `${set} set`}</small></summary>
<div>${groups}</div></details>`;
}

function filterPart(name: FacetName, query: PageQuery, facet: readonly FacetCount[], keyNames: KeyNames): Html | false {
  const set = query[name];
  const some = facet.filter(({ count: profiles }) => profiles > 0);
  const top = some.slice(0, shownValues);
  // The one that is set is shown wherever it stands, also without profiles.
  const further = set === undefined || top.some(({ value }) => value === set) ? [] : [facetOf(facet, set)];
  if (top.length + further.length === 0) return false;
  const title = filterTitles[name];
  return filterGroup({
    title: title.one,
    values: filterLinks(name, query, [...top, ...further], keyNames),
    ...(some.length > shownValues && {
      all: { label: `All ${count(some.length)} ${title.several}`, href: catalogHref(query, `/filters/${name}`) },
    }),
  });
}

/** Returns the values of a filter as links. */
export function filterLinks(
  name: FacetName,
  query: PageQuery,
  values: readonly FacetCount[],
  keyNames: KeyNames,
): FilterGroup['values'] {
  return values.map((facet) => {
    const set = query[name] === facet.value;
    const href = catalogHref(withFilter(query, name, set ? undefined : facet.value));
    return { label: facetLabel(name, facet, keyNames), count: facet.count, href, set };
  });
}

/** Returns the filters that are set, and the search, as links that remove them. */
export function filterTokens(query: PageQuery, { facets }: SearchResult, keyNames: KeyNames): Html | false {
  const words = query.text === undefined ? [] : [token('Search', publisher(query.text), withFilter(query, 'text'))];
  const filters = setFilters(query).map(([name, value]) =>
    token(filterTitles[name].one, facetLabel(name, facetOf(facets[name], value), keyNames), withFilter(query, name)),
  );
  const tokens = [...words, ...filters];
  return tokens.length > 0 && html`<ul class="tokens" aria-label="Set filters">${tokens}</ul>`;
}

function token(title: string, label: Html, without: PageQuery): Html {
  return html`<li><a href="${catalogHref(without)}"><span class="hidden">Remove </span><span>${title}: ${label}</span> <span
aria-hidden="true">×</span></a></li>`;
}

/** Returns a value of a filter as it is shown. */
function facetLabel(name: FacetName, { value }: Pick<FacetCount, 'value'>, keyNames: KeyNames): Html {
  return publisher(name === 'signer' ? signerLabel(signerOf(value), keyNames) : value);
}

/** Returns a value with its count; 0 if the facet does not have it. */
function facetOf(facet: readonly FacetCount[], value: string): FacetCount {
  return facet.find((candidate) => candidate.value === value) ?? { value, count: 0 };
}
