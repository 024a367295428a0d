import type { FastifyInstance } from 'fastify';
import type { ApiDependencies } from './api-dependencies.ts';
import { catalogsRoute } from './catalogs-route.ts';
import { diffRoute } from './diff-route.ts';
import { explainRoute } from './explain-route.ts';
import { fetchRoute } from './fetch-route.ts';
import { schemas } from './schemas.ts';
import { searchRoute } from './search-route.ts';
import { verificationRoute } from './verification-route.ts';
import { versionsRoute } from './versions-route.ts';

const routes = [fetchRoute, verificationRoute, diffRoute, explainRoute, catalogsRoute, searchRoute, versionsRoute];

/** A plugin that serves `/v1/`. */
export async function apiRoutes(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  for (const schema of schemas) app.addSchema(schema);
  for (const route of routes) void app.register(route, dependencies);
}
