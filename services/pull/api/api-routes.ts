import type { FastifyInstance } from 'fastify';
import type { ApiDependencies } from './api-dependencies.ts';
import { fetchRoute } from './fetch-route.ts';

/** A plugin that serves `/v1/`. */
export async function apiRoutes(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  for (const route of [fetchRoute]) void app.register(route, dependencies);
}
