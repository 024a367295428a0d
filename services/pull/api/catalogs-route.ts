import type { FastifyInstance } from 'fastify';
import { sizeOfCatalog } from '#lib/catalog/group-entries';
import { entriesOf } from '#lib/catalog/read-catalog';
import type { ApiDependencies } from './api-dependencies.ts';
import { authorizeCatalogs } from './catalog-entries.ts';
import { answersWith } from './schemas.ts';
import { sendJson } from './send-json.ts';

const schema = {
  operationId: 'listCatalogs',
  summary: 'List the catalogs that the service follows',
  querystring: { type: 'object', additionalProperties: false, properties: {} },
  response: answersWith('CatalogList'),
};

/** A plugin that serves `GET /v1/catalogs`: the catalogs and their state. */
export async function catalogsRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { catalogs, readers } = dependencies;
  app.get('/v1/catalogs', { schema, exposeHeadRoute: false }, async (request, reply) => {
    authorizeCatalogs(readers, await readers.identify(request.headers.authorization), catalogs);
    const listed = catalogs.states.map(({ reference, catalog, problem }) => ({
      reference,
      digest: catalog?.descriptor.digest,
      built: catalog?.built,
      ...sizeOfCatalog(catalog === undefined ? [] : entriesOf(catalog)),
      problem: problem?.kind,
    }));
    return sendJson(reply, { catalogs: listed }, readers);
  });
}
