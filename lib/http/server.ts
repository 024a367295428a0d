import { randomUUID } from 'node:crypto';
import swagger from '@fastify/swagger';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type HTTPMethods,
} from 'fastify';
import { Turns } from '#lib/concurrency/turns';
import { FairleadError } from '#lib/errors';
import { boundedServer } from './bounded-server.ts';
import { callSignal } from './call-signal.ts';
import type { LocalPaths } from './local-paths.ts';
import { addMetrics } from './metrics.ts';
import { serveOneAtATime } from './one-at-a-time.ts';
import { parameterError } from './parameter-error.ts';
import { HttpError, toProblem } from './problem.ts';

export interface ServerOptions {
  /** Names the service in logs, metrics and the OpenAPI document. */
  readonly name: string;
  readonly description: string;
  readonly version: string;
  readonly logger: FastifyBaseLogger;
  /** Bytes of a request body. */
  readonly bodyLimit: number;
  /** Milliseconds that one request may take: then the signal of its work aborts. */
  readonly timeout: number;
  /** Whether the trust policy on disk is the one in force; shown in health and metrics. */
  readonly policyInForce?: (() => boolean) | undefined;
  /** Whether there is no trust policy on disk, so that everything is denied; shown in health. */
  readonly policyMissing?: (() => boolean) | undefined;
  /** Files and folders of this machine that errors may name: callers are told of none. */
  readonly localPaths?: (() => LocalPaths) | undefined;
  /** How callers prove who they are, for the OpenAPI document. */
  readonly securitySchemes?: Readonly<Record<string, { type: 'http'; scheme: string }>>;
}

/** What routes need to do their work. */
export interface RouteSurroundings {
  /** The signal under which the work for a request is to be done. */
  readonly signalOf: (reply: FastifyReply) => AbortSignal;
  /** Where each piece of heavy work takes its turn, so that probes are answered in between. */
  readonly turns: Turns;
}

/**
 * An HTTP server with what every service has: problem details for errors, request ids, `/healthz`,
 * `/readyz`, `/metrics`, and `/openapi.json` made from the routes that `addRoutes` puts on it.
 * `close()` refuses new requests, lets the running ones end, and only then stops.
 */
export async function createServer(
  options: ServerOptions,
  addRoutes: (app: FastifyInstance, surroundings: RouteSurroundings) => void,
): Promise<FastifyInstance> {
  let connections = 0;
  const answerError = (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = toProblem(thrown, request.id, options.localPaths?.());
    if (problem.status >= 500) request.log.error({ err: thrown }, 'request failed');
    else request.log.info({ kind: problem.kind, detail: toProblem(thrown, request.id).detail }, 'request refused');
    if (thrown instanceof HttpError) reply.headers(thrown.headers);
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer realm="fairlead"');
    return reply
      .status(problem.status)
      .type('application/problem+json')
      .send(Buffer.from(JSON.stringify(problem)));
  };
  const app = fastify({
    // What no route is even looked for, such as an escape that is none.
    frameworkErrors: answerError,
    loggerInstance: options.logger,
    bodyLimit: options.bodyLimit,
    // Also for each address of a name that has several, as localhost has.
    serverFactory: (handler) =>
      boundedServer(handler, { timeout: options.timeout, accepted: () => void connections++ }),
    genReqId: (request) => requestId(request.headers['x-request-id']),
    routerOptions: { maxParamLength: 512 },
    // A parameter that is not known is refused, not taken away: one that is misspelt would have no
    // effect, and nobody would know.
    ajv: { customOptions: { removeAdditional: false, allErrors: true, verbose: true } },
    schemaErrorFormatter: parameterError,
  });
  serveOneAtATime(app);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });
  app.setErrorHandler(answerError);
  // Before a body is read: whatever it is, there is nothing that takes it.
  app.addHook('onRequest', async (request) => {
    if (request.is404) throw noRoute(app, request);
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: options.name, description: options.description, version: options.version },
      ...(options.securitySchemes !== undefined && { components: { securitySchemes: { ...options.securitySchemes } } }),
    },
  });
  const newTurns = (): Turns => new Turns(() => connections);
  // Not behind the work that waits: it is one piece, for all who ask.
  addMetrics(app, options.name, { turns: newTurns(), policyInForce: options.policyInForce });
  addHealth(app, options);
  addRoutes(app, {
    signalOf: (reply) => callSignal(reply, options.timeout),
    turns: newTurns(),
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
  await app.ready();
  return app;
}

/** Why a request has no route: there is none of this path, or none with this method. */
function noRoute(app: FastifyInstance, { method, url }: FastifyRequest): Error {
  const path = url.replace(/[?#].*$/s, '');
  const allowed = methods.filter((other) => app.hasRoute({ method: other, url: path }));
  if (allowed.length === 0) {
    return new FairleadError('NotFound', `no such resource: ${method} ${url}`, {
      hint: 'GET /openapi.json lists what there is.',
    });
  }
  return new HttpError(405, `${path} does not take ${method}`, {
    hint: `It takes ${allowed.join(', ')}. GET /openapi.json says for what.`,
    headers: { allow: allowed.join(', ') },
  });
}

/** The methods that routes may have. */
const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * `/healthz`: the process answers. `/readyz`: it takes work; while it shuts down Fastify answers
 * 503 to everything. Neither asks the registry: one registry that fails must not take every replica
 * out of the load balancer. Nor does a policy file that is broken: the policy before it is in
 * force, and a service that started again would have none.
 */
function addHealth(
  app: FastifyInstance,
  { policyInForce, policyMissing }: Pick<ServerOptions, 'policyInForce' | 'policyMissing'>,
): void {
  const policy = () => ({
    ...(policyInForce !== undefined && { policyInForce: policyInForce() }),
    ...(policyMissing?.() && { policy: 'does not exist: everything is denied' }),
  });
  app.get('/healthz', { schema: { hide: true }, logLevel: 'warn' }, async () => ({ status: 'ok', ...policy() }));
  app.get('/readyz', { schema: { hide: true }, logLevel: 'warn' }, async () => ({ status: 'ready', ...policy() }));
}

/** The caller's request id where it is one that may stand in a log, else a fresh one. */
function requestId(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) ? header : randomUUID();
}

/** The problem details as an answer of a route, for its schema. */
export const problemResponse = {
  description: 'Problem details (RFC 9457).',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
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
      },
    },
  },
} as const;
