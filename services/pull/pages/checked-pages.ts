import type { FastifyInstance } from 'fastify';
import { type ImageRouteDependencies, imageRoute } from './image/image-route.ts';
import { type ProfileRouteDependencies, profileRoute } from './profile/profile-route.ts';
import { refuseUnlessOpen } from './site/open-to-all.ts';
import { type WhyRouteDependencies, whyRoute } from './why/why-route.ts';

/** What the pages need that ask registries. */
export type CheckedPagesDependencies = ProfileRouteDependencies & ImageRouteDependencies & WhyRouteDependencies;

/**
 * A plugin that serves the pages about what this site checks: profiles, images, refusals. They are
 * refused unless all callers may read.
 */
export async function checkedPages(app: FastifyInstance, dependencies: CheckedPagesDependencies): Promise<void> {
  refuseUnlessOpen(app, dependencies.readers);
  await app.register(profileRoute, dependencies);
  await app.register(imageRoute, dependencies);
  await app.register(whyRoute, dependencies);
}
