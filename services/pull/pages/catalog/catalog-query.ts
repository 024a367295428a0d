import { type FacetName, type SearchQuery, type SearchSort, searchSorts } from '#lib/catalog/search-query';
import { facetNames } from '#lib/catalog/search-row';
import type { RuntimeKind } from '#lib/profile/profile';
import { withQuery } from '../site/addresses.ts';

/** Profiles on one page. */
export const pageSize = 50;

/** The parameters of the catalog's address. */
export interface CatalogParameters {
  readonly q?: string;
  readonly kind?: RuntimeKind;
  readonly signer?: string;
  readonly image?: string;
  readonly arch?: string;
  readonly sort?: SearchSort;
  readonly after?: string;
}

/** The query of a page of the catalog. */
export type PageQuery = Omit<SearchQuery, 'limit' | 'sort' | 'annotation'> & { readonly sort: SearchSort };

export const parametersSchema = {
  type: 'object',
  properties: {
    q: { type: 'string', maxLength: 200 },
    kind: { type: 'string', enum: ['Seccomp', 'AppArmor'] },
    signer: { type: 'string', maxLength: 2048 },
    image: { type: 'string', maxLength: 512 },
    arch: { type: 'string', maxLength: 64 },
    sort: { type: 'string', enum: searchSorts },
    after: { type: 'string', maxLength: 1024 },
  },
} as const;

export const filterTitles: Readonly<Record<FacetName, { one: string; several: string }>> = {
  kind: { one: 'Kind', several: 'kinds' },
  signer: { one: 'Signer', several: 'signers' },
  image: { one: 'Image', several: 'images' },
  architecture: { one: 'Architecture', several: 'architectures' },
};

/** Returns the query that the parameters of an address ask for. */
export function queryOf({ q, kind, signer, image, arch, sort = 'name', after }: CatalogParameters): PageQuery {
  const text = q?.trim();
  return {
    sort,
    ...(text && { text }),
    ...(kind && { kind }),
    ...(signer && { signer }),
    ...(image && { image }),
    ...(arch && { architecture: arch }),
    ...(after && { after }),
  };
}

/** Returns the address of a page of the catalog, or of another page about the same profiles. */
export function catalogHref(query: Partial<PageQuery>, path = '/'): string {
  const { text, kind, signer, image, architecture, sort, after } = query;
  const order = sort === 'name' ? undefined : sort;
  return withQuery(path, { q: text, kind, signer, image, arch: architecture, sort: order, after });
}

/** Returns the query with another value of a filter, or without it, from the first page on. */
export function withFilter(query: PageQuery, filter: FacetName | 'text', value?: string): PageQuery {
  const { after: _, [filter]: __, ...others } = query;
  return value === undefined ? (others as PageQuery) : ({ ...others, [filter]: value } as PageQuery);
}

/** Returns which filters are set, in the order in which they are shown. */
export function setFilters(query: Pick<SearchQuery, FacetName>): readonly (readonly [FacetName, string])[] {
  return facetNames.flatMap((name) => {
    const value = query[name];
    return value === undefined ? [] : [[name, value] as const];
  });
}
