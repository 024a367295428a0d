import { TLSSocket } from 'node:tls';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import { OldestReplaced } from '#lib/http/connections/oldest-replaced';
import { health } from '#lib/http/health';
import type { ServedTls } from '#lib/http/served-tls';
import { createServer } from '#lib/http/server';
import { type Pod, parsePod } from '../api/pod.ts';
import { readBindingOfEitherKind } from '../bind/read-binding.ts';
import type { AdmissionSource } from '../kube/admission-source.ts';
import { parseNamespace } from '../kube/namespace.ts';
import { mutate, validate, validateBinding, validateNamespace } from './admit.ts';
import { conversionPath, convertRoute } from './convert-route.ts';
import { Readiness } from './readiness.ts';
import { RefusalLog } from './refusal-log.ts';
import { limitRequests, maxConnections, maxReviewBytes, times } from './request-limits.ts';
import { type ReviewRoute, reviewRoute } from './review-route.ts';

/**
 * Makes the HTTPS server that the API server calls, not listening yet.
 * - `POST /mutate-pods`, `/validate-pods`, `/validate-artifactbindings` and `/validate-namespaces`:
 *   AdmissionReview in, AdmissionReview out. What cannot be judged is denied, with the reason; a
 *   body that is not a valid AdmissionReview gets problem+json, which the API server treats as a
 *   failure of the webhook. With authorities of clients (`tls.ca`), a client without a certificate of theirs
 *   gets nothing but a refusal.
 * - `POST /convert`: ConversionReview in, ConversionReview out. Any client may ask, since API
 *   servers show no certificate there, and the answer depends on nothing but the question.
 * - `GET /healthz`: the process runs. `GET /readyz`: it can decide on pods.
 */
export function webhookServer(source: AdmissionSource, tls: ServedTls, log: FastifyBaseLogger): FastifyInstance {
  const refusals = new RefusalLog(log);
  const { app } = createServer({
    logger: log,
    logRequests: false,
    bodyLimit: maxReviewBytes,
    times,
    connections: new OldestReplaced(maxConnections),
    tls,
    // Clients may send requests without waiting for answers (RFC 9112, 9.3.2). The API server does
    // not.
    pipelined: 1,
    onRefusal: (refusal) => refusals.add(refusal),
  });
  app.addHook('onSend', async (_request, reply) => {
    // The rest of a refused body is not read.
    if (reply.statusCode >= 400) reply.header('connection', 'close');
  });
  if (tls.pair.ca !== undefined) app.addHook('onRequest', async (request) => refuseStrangers(request));
  limitRequests(app);
  app.removeAllContentTypeParsers();
  // Each path reads objects of its own kind.
  const add = <T>(route: ReviewRoute<T>): void => void app.register(reviewRoute<T>, { ...route, log });
  const pod = { title: 'pod', scope: 'Namespaced', parse: parsePod } as const;
  add<Pod>({ ...pod, path: '/mutate-pods', decide: (review) => mutate(review, source.read) });
  add<Pod>({ ...pod, path: '/validate-pods', decide: (review) => validate(review, source.read) });
  add({
    path: '/validate-artifactbindings',
    title: 'binding',
    scope: 'Any',
    parse: readBindingOfEitherKind,
    decide: validateBinding,
  });
  add({
    path: '/validate-namespaces',
    title: 'namespace',
    scope: 'Cluster',
    parse: parseNamespace,
    decide: validateNamespace,
  });
  void app.register(convertRoute, { log });
  const readiness = new Readiness(source, log);
  void app.register(health, { isReady: () => readiness.isReady() });
  return app;
}

/** Throws Unauthenticated for a review by a client without a certificate of the authorities. */
function refuseStrangers({ method, routeOptions, raw: { socket } }: FastifyRequest): void {
  if (method === 'GET' || routeOptions.url === conversionPath) return;
  if (socket instanceof TLSSocket && socket.authorized) return;
  throw new FairleadError(
    'Unauthenticated',
    'only clients with a certificate of the configured authorities may send reviews',
  );
}
