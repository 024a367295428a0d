import plugin from 'fastify-plugin';
import { apiRoute } from './api-reference/api-route.ts';
import { catalogRoute } from './catalog/catalog-route.ts';
import { answerErrorsWithPages } from './error-pages.ts';
import { imagesRoute } from './images/images-route.ts';
import { playgroundRoute } from './playground/playground-route.ts';
import { sendText } from './site/answer.ts';
import { favicon } from './site/layout.ts';
import { refuseUnlessOpen } from './site/open-to-all.ts';
import type { PagesDependencies } from './site/pages-dependencies.ts';
import { stylesheet } from './style/stylesheet.ts';

/**
 * A plugin that serves the web pages, and makes errors pages for browsers. That is for the whole
 * service: an address without a route belongs to no plugin.
 */
export const pages = plugin<PagesDependencies>(async (app, dependencies) => {
  answerErrorsWithPages(app, dependencies);
  const schema = { hide: true };
  app.get(stylesheet.path, { schema }, (request, reply) =>
    sendText(request, reply, { text: stylesheet.text, type: 'text/css; charset=utf-8', immutable: true }),
  );
  app.get('/assets/icon.svg', { schema }, (request, reply) =>
    sendText(request, reply, { text: favicon, type: 'image/svg+xml' }),
  );
  await app.register(async (ofProfiles) => {
    refuseUnlessOpen(ofProfiles, dependencies.readers);
    await ofProfiles.register(catalogRoute, dependencies);
    await ofProfiles.register(imagesRoute, dependencies);
  });
  await app.register(playgroundRoute, dependencies);
  await app.register(apiRoute, dependencies);
});
