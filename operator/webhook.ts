import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { errorMapping, FairleadError, toFairleadError } from '#lib/errors';
import { type AdmissionAnswer, answerError, answerOutcome, parseAdmissionReview } from './admission-review.ts';
import { mutate, validate } from './admit.ts';
import type { BindingSource } from './list-bindings.ts';
import type { TlsPair } from './tls-files.ts';

/** An object is at most 3 MiB in the API server's hands, and a review of an update holds two. */
const maxReviewBytes = 8 * 1024 * 1024;

/**
 * The HTTPS server that the API server calls, not listening yet.
 * - `POST /mutate-pods` and `POST /validate-pods`: AdmissionReview in, AdmissionReview out. What cannot be judged is
 *   denied, with the reason; a body that is no AdmissionReview gets problem+json, which the API server takes for a
 *   failure of the webhook.
 * - `GET /healthz`: the process runs. `GET /readyz`: it can list bindings.
 */
export function webhookServer(source: BindingSource, tls: TlsPair, log: FastifyBaseLogger): FastifyInstance {
  const server = fastify({
    https: { cert: tls.cert, key: tls.key, minVersion: 'TLSv1.2' },
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: maxReviewBytes,
    requestTimeout: 10_000,
  }) as unknown as FastifyInstance;

  const answer = async (body: unknown, decide: typeof mutate | typeof validate): Promise<AdmissionAnswer> => {
    const review = parseAdmissionReview(body);
    const where = { uid: review.uid, namespace: review.namespace, pod: nameOf(review.object) };
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
  server.post('/mutate-pods', ({ body }) => answer(body, mutate));
  server.post('/validate-pods', ({ body }) => answer(body, validate));

  server.get('/healthz', async () => 'ok');
  server.get('/readyz', async () => {
    await source.probe();
    return 'ok';
  });

  server.setErrorHandler((thrown, _request, reply) => {
    const error = atDoor(thrown);
    const status = errorMapping[error.kind].http;
    log.warn({ err: error }, 'request refused');
    return reply
      .status(status)
      .type('application/problem+json')
      .send({ title: error.kind, status, detail: error.message });
  });
  return server;
}

/** Fastify's own errors (no JSON, too large, unknown content type) are the caller's. */
function atDoor(thrown: unknown): FairleadError {
  if (thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number') {
    if (thrown.statusCode === 413) return new FairleadError('LimitExceeded', thrown.message, { cause: thrown });
    if (thrown.statusCode < 500) return new FairleadError('InvalidInput', thrown.message, { cause: thrown });
  }
  return toFairleadError(thrown);
}

/** A pod's name for the log; one made by a controller has only the start of a name yet. */
function nameOf(object: unknown): string | undefined {
  if (typeof object !== 'object' || object === null || !('metadata' in object)) return undefined;
  const { metadata } = object;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if ('name' in metadata && typeof metadata.name === 'string') return metadata.name;
  return 'generateName' in metadata && typeof metadata.generateName === 'string'
    ? `${metadata.generateName}…`
    : undefined;
}
