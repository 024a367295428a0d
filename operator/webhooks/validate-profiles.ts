import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { Turns } from '#lib/concurrency/turns';
import { FairleadError, toFairleadError } from '#lib/errors';
import { resourceKinds } from '#lib/profile/resource-kind';
import { shorten } from '#lib/text/quote';
import type { DaemonSource } from '../kube/daemon-settings.ts';
import { validateClusterProfileArtifact, validateProfileArtifact } from '../validate/profileartifact.ts';
import { settingsOf } from '../validate/settings.ts';
import { validateJson } from '../validate/validate-json.ts';
import { kindsWithSettings, validators } from '../validate/validators.ts';
import { describeViolation, introduced, type Verdict, type Violation, type Warning } from '../validate/verdict.ts';
import { type AdmissionAnswer, answerError } from './admission-review.ts';
import { type ProfileReview, parseProfileReview } from './validate-review.ts';

/** A request without a body is seen by no parser. */
interface ReviewRequest {
  readonly Body: ProfileReview | undefined;
}

/**
 * A plugin that serves `POST /validate-profiles`: AdmissionReview in, AdmissionReview out, for all
 * kinds of the group `security-profiles-operator.x-k8s.io`, and for artifacts and trust policies.
 */
export async function profileRoute(
  app: FastifyInstance,
  { daemon, log }: { readonly daemon: DaemonSource; readonly log: FastifyBaseLogger },
): Promise<void> {
  // The worst profiles take half a second. Pods must not wait for several of them.
  const turns = new Turns();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) =>
    parseProfileReview(body),
  );
  app.post<ReviewRequest>('/validate-profiles', async ({ body }) => {
    if (body === undefined) throw new FairleadError('InvalidInput', 'the request has no body');
    const { uid, kind, name, namespace } = body;
    const where = { uid, kind, name, ...(namespace === '' ? {} : { namespace }) };
    try {
      const { violations, warnings } = await validateReview(body, daemon, turns);
      if (violations.length > 0) log.warn({ ...where, reason: refusalOf(body, violations) }, 'profile object refused');
      else log.debug({ ...where, warnings: warnings.length }, 'profile object accepted');
      return answerVerdict(body, { violations, warnings });
    } catch (thrown) {
      const error = toFairleadError(thrown);
      log.error({ ...where, err: error }, 'profile object refused, because it could not be judged');
      return answerError(uid, error);
    }
  });
}

/**
 * Validates the object of a review. Of an update, only violations count that the object did not
 * have before. Throws what the source of the settings throws.
 */
export async function validateReview(
  review: ProfileReview,
  daemon: DaemonSource,
  turns: Pick<Turns, 'take'>,
): Promise<Verdict> {
  const { kind, object, oldObject, isHarmless } = review;
  const validator = validators.get(kind) ?? artifactValidators.get(kind);
  if (validator === undefined)
    throw new FairleadError('InvalidInput', `the webhook is called for ${kind}, which it does not support`);
  if (isHarmless) return { violations: [], warnings: [] };
  const settings = settingsOf(kindsWithSettings.has(kind) ? await daemon.read() : undefined);
  const validate = async (json: Uint8Array): Promise<Verdict> => {
    await turns.take();
    return await validateJson(json, (parsed) => validator(parsed, settings));
  };
  const verdict = await validate(object);
  if (verdict.violations.length === 0 || oldObject === undefined) return verdict;
  const before = await validate(oldObject);
  return { ...verdict, violations: introduced(verdict.violations, before.violations) };
}

/** The validations of artifacts and trust policies, by kind. */
const artifactValidators = new Map<string, (object: unknown) => Verdict | Promise<Verdict>>([
  ['ProfileArtifact', validateProfileArtifact],
  ['ClusterProfileArtifact', validateClusterProfileArtifact],
  [
    'TrustPolicy',
    async (object: unknown) => {
      // Loaded with the first of them: most processes never see one.
      const { validateTrustPolicy } = await import('../trust/validate-trust-policy.ts');
      return await validateTrustPolicy(object);
    },
  ],
]);

/** More of a kind are not in one answer. */
const most = { violations: 10, warnings: 10 };
/** What clients show of a warning; API servers cut those above 256, and all above 4,096. */
const longestWarning = 120;

function answerVerdict(review: ProfileReview, { violations, warnings }: Verdict): AdmissionAnswer {
  const { uid } = review;
  const texts = warningTexts(review, warnings);
  const more = texts.length === 0 ? {} : { warnings: texts };
  const response =
    violations.length === 0
      ? { uid, allowed: true, ...more }
      : {
          uid,
          allowed: false,
          status: { code: 403, reason: 'Forbidden', message: refusalOf(review, violations) },
          ...more,
        };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response };
}

/** Returns the message of a refusal: the object, and its violations in a line each. */
function refusalOf({ kind, name, namespace }: ProfileReview, violations: readonly Violation[]): string {
  const object = [kind, [namespace, name].filter((part) => part !== '').join('/')]
    .filter((part) => part !== '')
    .join(' ');
  const lines = violations.slice(0, most.violations).map(describeViolation);
  const left = violations.length - lines.length;
  const [only, ...others] = left > 0 ? [...lines, `and ${left} more`] : lines;
  return others.length === 0 ? `${object}: ${only}` : [`${object}:`, only, ...others].join('\n  ');
}

function warningTexts({ kind }: ProfileReview, warnings: readonly Warning[]): readonly string[] {
  const shown = warnings
    .slice(0, most.warnings)
    .map(({ field, message }) => shorten(`${field}: ${message}`, longestWarning - 1));
  const left = warnings.length - shown.length;
  if (left === 0) return shown;
  const where = resourceKinds.has(kind) ? ': fairlead lint FILE lists all' : '';
  return [...shown, `and ${left} more warnings${where}`];
}
