import type { FastifyInstance } from 'fastify';
import { sendPage } from '../site/answer.ts';
import { type PagesDependencies, siteOf } from '../site/pages-dependencies.ts';
import { imagesPage } from './images-page.ts';

interface ImagesRequest {
  readonly Querystring: { readonly q?: string; readonly from?: number };
}

const querystring = {
  type: 'object',
  properties: {
    q: { type: 'string', maxLength: 200 },
    from: { type: 'integer', minimum: 0, maximum: 1_000_000 },
  },
} as const;

/** A plugin that serves the list of images. */
export async function imagesRoute(app: FastifyInstance, dependencies: PagesDependencies): Promise<void> {
  app.get<ImagesRequest>('/images', { schema: { querystring, hide: true } }, (request, reply) => {
    const { q = '', from = 0 } = request.query;
    const text = q.trim();
    const { image: all } = dependencies.catalogs.current().search({ limit: 1 }).facets;
    const images = all.filter(({ value }) => value.toLowerCase().includes(text.toLowerCase()));
    return sendPage(request, reply, imagesPage({ text, images, from, ...siteOf(dependencies) }));
  });
}
