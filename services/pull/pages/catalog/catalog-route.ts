import type { FastifyInstance } from 'fastify';
import type { FacetName } from '#lib/catalog/search-query';
import { facetNames } from '#lib/catalog/search-row';
import { FairleadError } from '#lib/errors';
import { sendPage } from '../site/answer.ts';
import type { PagesDependencies } from '../site/pages-dependencies.ts';
import { siteOf } from '../site/pages-dependencies.ts';
import { catalogPage } from './catalog-page.ts';
import { type CatalogParameters, pageSize, parametersSchema, queryOf } from './catalog-query.ts';
import { filterPage } from './filter-page.ts';
import { waysOut } from './ways-out.ts';

/** A plugin that serves the catalog, and the pages with all values of a filter. */
export async function catalogRoute(app: FastifyInstance, dependencies: PagesDependencies): Promise<void> {
  const schema = { querystring: parametersSchema, hide: true };
  app.get<{ Querystring: CatalogParameters }>('/', { schema }, (request, reply) => {
    const catalog = dependencies.catalogs.current();
    const query = queryOf(request.query);
    const result = catalog.search({ ...query, limit: pageSize });
    const { profiles } = dependencies;
    const verificationOf = profiles.verificationOf.bind(profiles);
    const page = { query, result, totals: catalog.totals, verificationOf, ...siteOf(dependencies) };
    const ways = result.total === 0 ? waysOut(catalog, query) : [];
    return sendPage(request, reply, catalogPage({ ...page, waysOut: ways }));
  });
  const valuesSchema = { querystring: valuesParameters, hide: true };
  app.get<ValuesRequest>('/filters/:filter', { schema: valuesSchema }, (request, reply) => {
    const catalog = dependencies.catalogs.current();
    const { from = 0, ...parameters } = request.query;
    const filter = filterNamed(request.params.filter);
    const { [filter]: _, after: __, ...query } = queryOf(parameters);
    const result = catalog.search({ ...query, limit: 1 });
    return sendPage(request, reply, filterPage({ filter, query, result, from, ...siteOf(dependencies) }));
  });
}

interface ValuesRequest {
  readonly Querystring: CatalogParameters & { readonly from?: number };
  readonly Params: { readonly filter: string };
}

const valuesParameters = {
  ...parametersSchema,
  properties: { ...parametersSchema.properties, from: { type: 'integer', minimum: 0, maximum: 1_000_000 } },
} as const;

function filterNamed(name: string): FacetName {
  const filter = facetNames.find((candidate) => candidate === name);
  if (filter !== undefined) return filter;
  throw new FairleadError('NotFound', 'the catalog has no filter of this name', {
    hint: `The filters are ${facetNames.join(', ')}.`,
  });
}
