import type { FastifyInstance } from 'fastify';
import type { RouteDependencies } from '#lib/http/service-server';
import { parseReference } from '#lib/registry/reference';
import { sendPage } from '../site/answer.ts';
import { type PagesDependencies, siteOf } from '../site/pages-dependencies.ts';
import { imagePage } from './image-page.ts';
import { type ImageDependencies, loadImage } from './load-image.ts';

export type ImageRouteDependencies = PagesDependencies & ImageDependencies & Pick<RouteDependencies, 'signalOf'>;

/** A plugin that serves the page of an image, `/images/REGISTRY/REPOSITORY[:tag]`. */
export async function imageRoute(app: FastifyInstance, dependencies: ImageRouteDependencies): Promise<void> {
  app.get<{ Params: { readonly '*': string } }>('/images/*', { schema: { hide: true } }, async (request, reply) => {
    const image = parseReference(request.params['*']);
    const view = await loadImage(image, dependencies, dependencies.signalOf(reply));
    const { site, keyNames } = siteOf(dependencies);
    return sendPage(request, reply, imagePage(site, keyNames, view));
  });
}
