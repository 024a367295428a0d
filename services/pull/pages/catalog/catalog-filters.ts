import type { CatalogResult, FacetValue, FilterName } from '../catalog-view.ts';
import { type FilterGroup, filterGroup } from '../components/filter-group.ts';
import { type Html, html } from '../components/html.ts';
import { publisher } from '../components/publisher.ts';
import { count } from '../components/words.ts';
import { type KeyNames, signerLabel, signerOf } from '../site/signer-label.ts';
import { catalogHref, filterNames, filterTitles, type PageQuery, setFilters, withFilter } from './catalog-query.ts';

/** Values of a filter that the catalog shows: the page of the filter has all. */
const shownValues = 5;

/** Returns the filters of the catalog, as links that set and remove them. */
export function catalogFilters(query: PageQuery, { facets }: CatalogResult, keyNames: KeyNames): Html {
  const set = setFilters(query).length;
  const groups = filterNames.map((name) => filterPart(name, query, facets[name], keyNames));
  return html`<details class="filters"><summary>Filters <small>${set === 0 ? 'none set' : `${set} set`}</small></summary>
<div>${groups}</div></details>`;
}

function filterPart(
  name: FilterName,
  query: PageQuery,
  facet: readonly FacetValue[],
  keyNames: KeyNames,
): Html | false {
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
  name: FilterName,
  query: PageQuery,
  values: readonly FacetValue[],
  keyNames: KeyNames,
): FilterGroup['values'] {
  return values.map((facet) => {
    const set = query[name] === facet.value;
    const href = catalogHref(withFilter(query, name, set ? undefined : facet.value));
    return { label: facetLabel(name, facet, keyNames), count: facet.count, href, set };
  });
}

/** Returns the filters that are set, and the search, as links that remove them. */
export function filterTokens(query: PageQuery, { facets }: CatalogResult, keyNames: KeyNames): Html | false {
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
export function facetLabel(name: FilterName, { value }: Pick<FacetValue, 'value'>, keyNames: KeyNames): Html {
  return publisher(name === 'signer' ? signerLabel(signerOf(value), keyNames) : value);
}

/** Returns a value with its count; 0 if the facet does not have it. */
export function facetOf(facet: readonly FacetValue[], value: string): FacetValue {
  return facet.find((candidate) => candidate.value === value) ?? { value, count: 0 };
}
