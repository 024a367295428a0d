import type { FastifyInstance } from 'fastify';
import { catalogRoute } from './catalog/catalog-route.ts';
import { sendText } from './site/answer.ts';
import { favicon } from './site/layout.ts';
import type { PagesDependencies } from './site/pages-dependencies.ts';
import { stylesheet } from './style/stylesheet.ts';

/** A plugin that serves the web pages. */
export async function pages(app: FastifyInstance, dependencies: PagesDependencies): Promise<void> {
  const schema = { hide: true };
  app.get(stylesheet.path, { schema }, (request, reply) =>
    sendText(request, reply, { text: stylesheet.text, type: 'text/css; charset=utf-8', immutable: true }),
  );
  app.get('/assets/icon.svg', { schema }, (request, reply) =>
    sendText(request, reply, { text: favicon, type: 'image/svg+xml' }),
  );
  await app.register(catalogRoute, dependencies);
}
