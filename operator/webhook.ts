import { TLSSocket } from 'node:tls';
import { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, fastify, LogController } from 'fastify';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import { type AdmissionRequest, answerError, answerOutcome, parseAdmissionReview } from './admission-review.ts';
import { mutate, validate } from './admit.ts';
import type { BindingSource } from './list-bindings.ts';
import { quote } from './quote.ts';
import { limitRequests, maxReviewBytes, serverTimeouts } from './request-limits.ts';
import type { TlsPair } from './tls-files.ts';

interface Review {
  /** Undefined for a request without a body, which no parser sees. */
  readonly Body: AdmissionRequest | undefined;
}

/**
 * The HTTPS server that the API server calls, not listening yet.
 * - `POST /mutate-pods` and `POST /validate-pods`: AdmissionReview in, AdmissionReview out. What cannot be judged is
 *   denied, with the reason; a body that is no AdmissionReview gets problem+json, which the API server takes for a
 *   failure of the webhook.
 *   With authorities of clients (`tls.ca`), who has no certificate of theirs gets nothing but a refusal.
 * - `GET /healthz`: the process runs. `GET /readyz`: it can list bindings.
 */
export function webhookServer(source: BindingSource, tls: TlsPair, log: FastifyBaseLogger): FastifyInstance {
  const server = fastify({
    https: {
      ...serverTimeouts,
      ...tls,
      minVersion: 'TLSv1.2',
      // Kubelets, who ask whether it is ready, have no certificate.
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: false,
    },
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxReviewBytes,
    requestTimeout: serverTimeouts.requestTimeout,
    // Nor may anyone hold a connection by not reading the answer.
    connectionTimeout: 3 * serverTimeouts.requestTimeout,
  }) as unknown as FastifyInstance;
  if (tls.ca !== undefined) server.addHook('onRequest', async (request) => refuseStrangers(request));
  limitRequests(server);
  server.removeAllContentTypeParsers();
  // The body is gone when this returns, and of what was parsed only what decides is left.
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseAdmissionReview(body),
  );

  const answer = async (review: AdmissionRequest | undefined, decide: typeof mutate | typeof validate) => {
    if (review === undefined) throw new FairleadError('InvalidInput', 'the request has no body');
    const where = { uid: review.uid, namespace: review.namespace, pod: review.name };
    try {
      const outcome = await decide(review, source.list);
      if (outcome.outcome === 'untouched') log.debug({ ...where, reason: outcome.reason }, 'pod left alone');
      else if (outcome.outcome === 'refused') log.warn({ ...where, reason: outcome.reason }, 'pod refused');
      else log.info({ ...where, bindings: outcome.bindings, profile: outcome.localhostProfile }, 'pod bound');
      return answerOutcome(review.uid, outcome);
    } catch (thrown) {
      const error = toFairleadError(thrown);
      log.error({ ...where, err: error }, 'pod refused, because it could not be judged');
      return answerError(review.uid, error);
    }
  };
  server.post<Review>('/mutate-pods', ({ body }) => answer(body, mutate));
  server.post<Review>('/validate-pods', ({ body }) => answer(body, validate));

  server.get('/healthz', async () => 'ok');
  const isReady = shared(async () => {
    try {
      await source.probe();
      return true;
    } catch (thrown) {
      log.error({ err: toFairleadError(thrown) }, 'not ready');
      return false;
    }
  });
  // What stands in the way is in the log. Whoever reaches this port may ask, and learns nothing of the cluster.
  server.get('/readyz', async (_request, reply) => ((await isReady()) ? 'ok' : reply.status(503).send('not ready')));

  server.setNotFoundHandler(({ method, url }) => {
    throw new FairleadError('NotFound', `no such resource: ${method} ${quote(url)}`);
  });
  const logRefusal = atMostOncePerSecond((error: FairleadError, refusals: number) => {
    log.warn({ err: error, refusals }, 'requests refused');
  });
  server.setErrorHandler((thrown, _request, reply) => {
    const error = atDoor(thrown);
    const status = errorMapping[error.kind].http;
    logRefusal(error);
    // What is left of the body is not waited for.
    return reply
      .header('connection', 'close')
      .status(status)
      .type('application/problem+json')
      .send({ title: error.kind, status, detail: error.message });
  });
  return server;
}

/** Throws Unauthenticated for a review by a client without a certificate of the authorities. */
function refuseStrangers({ method, raw: { socket } }: FastifyRequest): void {
  if (method === 'GET' || (socket instanceof TLSSocket && socket.authorized)) return;
  throw new FairleadError(
    'Unauthenticated',
    'only clients with a certificate of the authorities of --client-ca may send reviews',
  );
}

/** Shares one run of a function among all who ask within a second of its beginning, and while it goes on. */
function shared<T>(run: () => Promise<T>): () => Promise<T> {
  let last: { readonly began: number; isOver: boolean; readonly result: Promise<T> } | undefined;
  return () => {
    if (last === undefined || (last.isOver && performance.now() - last.began > 1000)) {
      const started = { began: performance.now(), isOver: false, result: run() };
      void started.result.finally(() => {
        started.isOver = true;
      });
      last = started;
    }
    return last.result;
  };
}

/** Passes on at most one of many errors in a second, with how many there were since the last one. */
function atMostOncePerSecond(pass: (error: FairleadError, count: number) => void): (error: FairleadError) => void {
  let last = Number.NEGATIVE_INFINITY;
  let count = 0;
  return (error) => {
    count++;
    if (performance.now() - last < 1000) return;
    last = performance.now();
    pass(error, count);
    count = 0;
  };
}

/** Fastify's own errors (no JSON, too large, unknown content type) are the caller's. */
function atDoor(thrown: unknown): FairleadError {
  if (thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number') {
    if (thrown.statusCode === 413) return new FairleadError('LimitExceeded', thrown.message, { cause: thrown });
    if (thrown.statusCode < 500) return new FairleadError('InvalidInput', thrown.message, { cause: thrown });
  }
  return toFairleadError(thrown);
}
