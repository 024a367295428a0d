import type { FastifyInstance } from 'fastify';
import type { ProfileRouteDependencies } from './profile/profile-route.ts';
import { profileRoute } from './profile/profile-route.ts';

/** A plugin that serves the pages about what this site checks itself: profiles, images, refusals. */
export async function checkedPages(app: FastifyInstance, dependencies: ProfileRouteDependencies): Promise<void> {
  await app.register(profileRoute, dependencies);
}
