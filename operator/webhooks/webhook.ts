import { TLSSocket } from 'node:tls';
import { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, fastify, LogController } from 'fastify';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import type { TlsPair } from '../../lib/http/tls-files.ts';
import { quote } from '../../lib/text/quote.ts';
import { parseBinding } from '../api/artifact-binding.ts';
import { type Pod, parsePod } from '../api/pod.ts';
import type { BindOutcome } from '../bind/bind.ts';
import type { CheckOutcome } from '../bind/check.ts';
import { fewNames } from '../bind/decide.ts';
import type { BindingSource } from '../kube/list-bindings.ts';
import { parseNamespace } from '../kube/namespace.ts';
import {
  type AdmissionRequest,
  answerError,
  answerOutcome,
  type ObjectReader,
  parseAdmissionReview,
} from './admission-review.ts';
import { mutate, validate, validateBinding, validateNamespace } from './admit.ts';
import { limitRequests, maxReviewBytes, serverTimeouts } from './request-limits.ts';

interface Review<T> {
  /** Undefined for a request without a body, which no parser sees. */
  readonly Body: AdmissionRequest<T> | undefined;
}

/** What a path of the webhook judges. */
interface Judgement<T> extends ObjectReader<T> {
  /** What the object is called in the log. */
  readonly title: string;
  readonly decide: (review: AdmissionRequest<T>) => Promise<BindOutcome | CheckOutcome> | CheckOutcome;
}

/**
 * The HTTPS server that the API server calls, not listening yet.
 * - `POST /mutate-pods`, `/validate-pods`, `/validate-artifactbindings` and `/validate-namespaces`:
 *   AdmissionReview in, AdmissionReview out. What cannot be judged is denied, with the reason; a
 *   body that is no AdmissionReview gets problem+json, which the API server takes for a failure of
 *   the webhook. With authorities of clients (`tls.ca`), who has no certificate of theirs gets
 *   nothing but a refusal.
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
    keepAliveTimeout: serverTimeouts.keepAliveTimeout,
    // Nor may anyone hold a connection by not reading the answer.
    connectionTimeout: 3 * serverTimeouts.requestTimeout,
  }) as unknown as FastifyInstance;
  if (tls.ca !== undefined) server.addHook('onRequest', async (request) => refuseStrangers(request));
  limitRequests(server);
  server.removeAllContentTypeParsers();

  const judge = <T>(path: string, { title, decide, ...reader }: Judgement<T>): void => {
    const answer = async (review: AdmissionRequest<T>) => {
      const where = { uid: review.uid, namespace: review.namespace, [title]: review.name };
      try {
        const outcome = await decide(review);
        if (outcome.outcome === 'untouched') log.debug({ ...where, reason: outcome.reason }, `${title} left alone`);
        else if (outcome.outcome === 'refused') log.warn({ ...where, reason: outcome.reason }, `${title} refused`);
        else
          log.info(
            { ...where, bindings: fewNames(outcome.bindings), profile: outcome.localhostProfile },
            `${title} bound`,
          );
        return answerOutcome(review.uid, outcome);
      } catch (thrown) {
        const error = toFairleadError(thrown);
        log.error({ ...where, err: error }, `${title} refused, because it could not be judged`);
        return answerError(review.uid, error);
      }
    };
    // Each path reads objects of its own kind.
    void server.register(async (scope) => {
      // The body is gone when this returns, and of what was parsed only what decides is left.
      scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
        parseAdmissionReview(body, reader),
      );
      scope.post<Review<T>>(path, async ({ body }) => {
        if (body === undefined) throw new FairleadError('InvalidInput', 'the request has no body');
        return await answer(body);
      });
    });
  };
  const pod = { title: 'pod', scope: 'Namespaced', parse: parsePod } as const;
  judge<Pod>('/mutate-pods', { ...pod, decide: (review) => mutate(review, source.list) });
  judge<Pod>('/validate-pods', { ...pod, decide: (review) => validate(review, source.list) });
  judge('/validate-artifactbindings', {
    title: 'binding',
    scope: 'Namespaced',
    parse: parseBinding,
    decide: validateBinding,
  });
  judge('/validate-namespaces', {
    title: 'namespace',
    scope: 'Cluster',
    parse: parseNamespace,
    decide: validateNamespace,
  });

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
  // What stands in the way is in the log. Whoever reaches this port may ask, and learns nothing of
  // the cluster.
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
    'only clients with a certificate of the configured authorities may send reviews',
  );
}

/**
 * Shares one run of a function among all who ask within a second of its beginning, and while it
 * goes on.
 */
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

/**
 * Passes on at most one of many errors in a second, with how many there were since the last one.
 */
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
