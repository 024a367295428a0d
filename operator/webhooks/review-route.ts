import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { BindOutcome } from '../bind/bind.ts';
import { fewNames } from '../bind/judge.ts';
import {
  type AdmissionAnswer,
  type AdmissionRequest,
  answerError,
  answerOutcome,
  type ObjectReader,
  parseAdmissionReview,
} from './admission-review.ts';
import type { ValidateOutcome } from './admit.ts';

/** A path of the webhook, and what it judges. */
export interface ReviewRoute<T> extends ObjectReader<T> {
  readonly path: string;
  /** The name of the object in the log. */
  readonly title: string;
  readonly decide: (review: AdmissionRequest<T>) => Promise<BindOutcome | ValidateOutcome> | ValidateOutcome;
}

interface ReviewRequest<T> {
  /** Undefined for a request without a body, which no parser sees. */
  readonly Body: AdmissionRequest<T> | undefined;
}

/** A plugin that serves one path of the webhook: AdmissionReview in, AdmissionReview out. */
export async function reviewRoute<T>(
  app: FastifyInstance,
  { log, ...route }: ReviewRoute<T> & { readonly log: FastifyBaseLogger },
): Promise<void> {
  // The body is gone when this returns, and of what was parsed only what decides is left.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseAdmissionReview(body, route),
  );
  app.post<ReviewRequest<T>>(route.path, async ({ body }) => {
    if (body === undefined) throw new FairleadError('InvalidInput', 'the request has no body');
    return await judge(body, route, log);
  });
}

async function judge<T>(
  review: AdmissionRequest<T>,
  { title, decide }: ReviewRoute<T>,
  log: FastifyBaseLogger,
): Promise<AdmissionAnswer> {
  const where = { uid: review.uid, namespace: review.namespace, [title]: review.name };
  try {
    const outcome = await decide(review);
    if (outcome.outcome === 'untouched') log.debug({ ...where, reason: outcome.reason }, `${title} left alone`);
    else if (outcome.outcome === 'refused') log.warn({ ...where, reason: outcome.reason }, `${title} refused`);
    else if (outcome.outcome === 'reported') {
      log.info({ ...where, uncovered: outcome.report }, `${title} admitted without a verified profile`);
    } else
      log.info(
        { ...where, bindings: fewNames(outcome.bindings), profiles: fewNames(outcome.localhostProfiles) },
        `${title} bound`,
      );
    return answerOutcome(review.uid, outcome);
  } catch (thrown) {
    const error = toFairleadError(thrown);
    log.error({ ...where, err: error }, `${title} refused, because it could not be judged`);
    return answerError(review.uid, error);
  }
}
