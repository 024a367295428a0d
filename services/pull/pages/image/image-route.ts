import type { FastifyInstance } from 'fastify';
import type { RouteDependencies } from '#lib/http/service-server';
import { formatReference, parseReference } from '#lib/registry/reference';
import { imagePath } from '../site/addresses.ts';
import { securityHeaders, sendOnce, sendPage } from '../site/answer.ts';
import { type PagesDependencies, siteOf } from '../site/pages-dependencies.ts';
import { imagePage, imagesPage } from './image-page.ts';
import { type ImageDependencies, loadImage } from './load-image.ts';

/** Images that the list shows: those with the most profiles. */
const shownImages = 200;

export type ImageRouteDependencies = PagesDependencies & ImageDependencies & Pick<RouteDependencies, 'signalOf'>;

/** A plugin that serves `/images`, and the page of an image, `/images/REGISTRY/REPOSITORY[:tag]`. */
export async function imageRoute(app: FastifyInstance, dependencies: ImageRouteDependencies): Promise<void> {
  const querystring = { type: 'object', properties: { reference: { type: 'string', maxLength: 512 } } } as const;
  app.get<{ Querystring: { readonly reference?: string } }>(
    '/images',
    { schema: { querystring, hide: true } },
    async (request, reply) => {
      const { reference } = request.query;
      if (reference !== undefined) {
        const path = imagePath(formatReference(parseReference(reference.trim())));
        return reply.headers(securityHeaders).redirect(path, 303);
      }
      const catalog = dependencies.catalog();
      const { facets } = catalog.search({ sort: 'name', limit: 1 });
      const { site } = siteOf(dependencies, catalog);
      return sendPage(request, reply, imagesPage(site, facets.image.slice(0, shownImages)));
    },
  );
  app.get<{ Params: { readonly '*': string } }>('/images/*', { schema: { hide: true } }, async (request, reply) => {
    const image = parseReference(request.params['*']);
    const view = await loadImage(image, dependencies, dependencies.signalOf(reply));
    const { site, keyNames } = siteOf(dependencies, dependencies.catalog());
    return sendOnce(request, reply, imagePage(site, keyNames, view));
  });
}
