import swagger from '@fastify/swagger';
import plugin from 'fastify-plugin';

export interface OpenApiOptions {
  /** Names the service. */
  readonly name: string;
  readonly description: string;
  readonly version: string;
  /** How callers prove who they are. */
  readonly securitySchemes?: Readonly<Record<string, { type: 'http'; scheme: string }>> | undefined;
}

/** A plugin that serves `/openapi.json`, made from the routes that are added after it. */
export const openApi = plugin<OpenApiOptions>(async (app, options) => {
  const { name, description, version, securitySchemes } = options;
  app.addSchema(problemSchema);
  await app.register(swagger, {
    // Schemas with a name of their own are components of the document under this name.
    refResolver: {
      buildLocalReference: ({ $id }, _base, _fragment, at) => ($id as string | undefined) ?? `schema${at}`,
    },
    openapi: {
      openapi: '3.1.0',
      info: { title: name, description, version },
      ...(securitySchemes !== undefined && { components: { securitySchemes: { ...securitySchemes } } }),
    },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
});

/** Problem details (RFC 9457), as errors are answered. */
const problemSchema = {
  $id: 'Problem',
  type: 'object',
  description: 'Problem details (RFC 9457).',
  required: ['type', 'title', 'status', 'detail', 'instance', 'kind'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string', description: 'The request id.' },
    kind: { type: 'string' },
    hint: { type: 'string' },
    pointer: { type: 'string', description: 'JSON pointer (RFC 6901) to the fault in the profile.' },
  },
} as const;

/** The problem details as an answer of a route, for its schema. */
export const problemResponse = {
  description: problemSchema.description,
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
} as const;
