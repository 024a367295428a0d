import type { FastifyInstance } from 'fastify';
import { FairleadError } from '#lib/errors';
import { formatRepository, parseReference } from '#lib/registry/reference';
import type { ApiDependencies } from './api-dependencies.ts';
import { authorizeCatalogs, describeEntry } from './catalog-entries.ts';
import { answersWith, parameters } from './schemas.ts';
import { sendJson } from './send-json.ts';

interface VersionsRequest {
  readonly Querystring: { readonly repository: string; readonly after?: string; readonly limit: number };
}

const schema = {
  operationId: 'listVersions',
  summary: 'List the versions of a profile in the catalogs',
  querystring: {
    type: 'object',
    required: ['repository'],
    additionalProperties: false,
    properties: {
      repository: { ...parameters.reference, description: 'registry/repository' },
      after: { ...parameters.reference, description: 'The value of next of another page: a digest' },
      limit: { type: 'integer', minimum: 1, maximum: 1000, default: 50, description: 'Most versions of the page' },
    },
  },
  response: answersWith('VersionPage'),
};

/** A plugin that serves `GET /v1/catalogs/versions?repository=…`: the newest version first. */
export async function versionsRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { catalogs, readers } = dependencies;
  app.get<VersionsRequest>('/v1/catalogs/versions', { schema, exposeHeadRoute: false }, async (request, reply) => {
    authorizeCatalogs(readers, await readers.identify(request.headers.authorization), catalogs);
    const { after, limit } = request.query;
    const name = parseReference(request.query.repository);
    const profile = catalogs.current().get(name);
    if (profile === undefined) {
      throw new FairleadError('NotFound', `no profile ${formatRepository(name)} in the catalogs`, {
        hint: 'GET /v1/catalogs/profiles lists the profiles.',
      });
    }
    const { versions } = profile;
    const start = after === undefined ? 0 : versions.findIndex(({ descriptor }) => descriptor.digest === after) + 1;
    const page = versions.slice(start, start + limit);
    const next = start + limit < versions.length ? page.at(-1)?.descriptor.digest : undefined;
    const document = {
      repository: formatRepository(profile),
      total: versions.length,
      versions: page.map(describeEntry),
    };
    return sendJson(reply, { ...document, next }, readers);
  });
}
