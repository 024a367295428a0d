import { randomUUID } from 'node:crypto';
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { AccessLog } from './access-log.ts';
import { type BoundedServerOptions, boundedServer } from './bounded-server.ts';
import { UnusedConnections } from './connections/unused-connections.ts';
import { answerHeaders, type ErrorAnswerOptions, errorAnswer } from './error-answer.ts';
import { refuseUnrouted } from './no-route.ts';
import { serveOneAtATime } from './one-at-a-time.ts';
import { parameterError } from './parameter-error.ts';

export interface ServerOptions extends BoundedServerOptions, ErrorAnswerOptions {
  readonly logger: FastifyBaseLogger;
  /** Whether each request and its answer is logged; true by default. */
  readonly logRequests?: boolean;
  /** Bytes of a request body. */
  readonly bodyLimit: number;
  /** How many requests without an answer one connection may have. */
  readonly pipelined: number;
}

export interface HttpServer {
  readonly app: FastifyInstance;
  /** Returns how many connections were opened so far. */
  readonly accepted: () => number;
}

/** Has Fastify report its addresses as https. The server itself is made by its factory. */
const secureScheme: object = { https: {} };

/**
 * Makes the HTTP server that all programs share: bounds for clients, request ids, problem details
 * for errors. It has no routes yet; plugins add them, such as `health`, `metrics` and `openApi`.
 * `close()` refuses new requests, lets the running ones end, and only then stops.
 *
 * The shim serves its metrics on a boundedServer alone: Fastify takes 5.5 MiB of memory on every
 * node, for one path.
 */
export function createServer(options: ServerOptions): HttpServer {
  let connections = 0;
  const unused = new UnusedConnections();
  const answerError = errorAnswer(options);
  const app = fastify({
    // For requests that never reach a route, such as one with an invalid escape in its path.
    frameworkErrors: answerError,
    loggerInstance: options.logger,
    ...(options.tls !== undefined && secureScheme),
    logController: new AccessLog({ disableRequestLogging: options.logRequests === false }),
    bodyLimit: options.bodyLimit,
    // Called for each address of a name that has several, such as localhost.
    serverFactory: (handler) => {
      const server = boundedServer(handler, options).on('connection', () => void connections++);
      unused.attach(server, { tls: options.tls !== undefined });
      return server;
    },
    genReqId: (request) => requestId(request.headers['x-request-id']),
    routerOptions: { maxParamLength: 512 },
    // An unknown parameter is refused, not removed: one that is misspelt would be ignored without
    // an error.
    ajv: { customOptions: { removeAdditional: false, allErrors: true, verbose: true } },
    schemaErrorFormatter: parameterError,
  });
  serveOneAtATime(app, options.pipelined);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers({ 'x-request-id': request.id, ...answerHeaders });
    done();
  });
  app.addHook('preClose', async () => {
    unused.close();
    // Those of the requests that run end soon after their answers.
    app.server.keepAliveTimeout = 1;
  });
  app.setErrorHandler(answerError);
  refuseUnrouted(app);
  return { app, accepted: () => connections };
}

/** Returns the caller's request id if it is one that may stand in a log, else a fresh one. */
function requestId(header: string | string[] | undefined): string {
  return typeof header === 'string' && /^[\w.:-]{1,64}$/.test(header) ? header : randomUUID();
}
