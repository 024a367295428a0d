import type { FastifyInstance } from 'fastify';
import { sendPage } from '../site/answer.ts';
import { type PagesDependencies, siteOf } from '../site/pages-dependencies.ts';
import { apiPage } from './api-page.ts';
import type { OpenApiDocument } from './open-api-document.ts';

/** A plugin that serves the reference of the API of the service that it is a part of. */
export async function apiRoute(app: FastifyInstance, dependencies: PagesDependencies): Promise<void> {
  app.get('/api', { schema: { hide: true } }, (request, reply) => {
    const { site } = siteOf(dependencies);
    return sendPage(request, reply, apiPage({ site, document: app.swagger() as OpenApiDocument }));
  });
}
