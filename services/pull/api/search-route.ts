import type { FastifyInstance } from 'fastify';
import { maxPageSize } from '#lib/catalog/search';
import { maxCursorLength } from '#lib/catalog/search-order';
import { type SearchQuery, searchSorts } from '#lib/catalog/search-query';
import type { ApiDependencies } from './api-dependencies.ts';
import { authorizeCatalogs, describeFound } from './catalog-entries.ts';
import { answersWith, parameters } from './schemas.ts';
import { sendJson } from './send-json.ts';

interface SearchRequest {
  readonly Querystring: Omit<SearchQuery, 'annotation'> & { readonly annotation?: string };
}

const filter = { type: 'string', maxLength: 512 } as const;

/** Values of a facet in an answer: a catalog may have as many images as profiles. */
const facetValues = 100;

const schema = {
  operationId: 'searchCatalogs',
  summary: 'Search the catalogs',
  description: 'All parameters must hold, of the newest version of a profile.',
  querystring: {
    type: 'object',
    additionalProperties: false,
    properties: {
      text: { ...filter, description: 'Words of the name, repository, summary, annotations, images, signers or tags' },
      kind: { type: 'string', enum: parameters.kind.enum, description: parameters.kind.description },
      signer: {
        ...filter,
        maxLength: 2048,
        description: 'A value of the facet signer; none for profiles without a verified signature',
      },
      image: { ...filter, description: 'Repository of a container image that the profile is made for' },
      architecture: { ...filter, description: 'An architecture by the name of Go, such as amd64' },
      annotation: { ...filter, description: 'An annotation of the manifest: KEY or KEY=VALUE' },
      sort: { type: 'string', enum: searchSorts, default: 'name', description: 'The order of the profiles' },
      after: { ...filter, maxLength: maxCursorLength, description: 'The value of next or previous of another page' },
      limit: {
        type: 'integer',
        minimum: 1,
        maximum: maxPageSize,
        default: 50,
        description: 'Most profiles of the page',
      },
    },
  },
  response: answersWith('CatalogPage'),
};

/** A plugin that serves `GET /v1/catalogs/profiles`: the profiles that match, in pages. */
export async function searchRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { catalogs, readers, turns } = dependencies;
  app.get<SearchRequest>('/v1/catalogs/profiles', { schema, exposeHeadRoute: false }, async (request, reply) => {
    authorizeCatalogs(readers, await readers.identify(request.headers.authorization), catalogs);
    const { annotation, ...query } = request.query;
    await turns.take();
    const found = catalogs.current().search({ ...query, annotation: annotationOf(annotation) });
    const { total, next, previous } = found;
    const facets = Object.fromEntries(
      Object.entries(found.facets).map(([name, values]) => [name, values.slice(0, facetValues)]),
    );
    return sendJson(reply, { profiles: found.profiles.map(describeFound), total, facets, next, previous }, readers);
  });
}

function annotationOf(text: string | undefined): SearchQuery['annotation'] {
  if (text === undefined) return undefined;
  const equals = text.indexOf('=');
  return equals < 0 ? { key: text } : { key: text.slice(0, equals), value: text.slice(equals + 1) };
}
