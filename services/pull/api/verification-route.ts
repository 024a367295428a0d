import type { FastifyInstance } from 'fastify';
import { FairleadError, shownMessage } from '#lib/errors';
import { withoutLocalPaths } from '#lib/http/local-paths';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { Policy } from '#lib/trust/policy/node-policy';
import { isMet } from '#lib/trust/verify/examined';
import { type DecisionExplanation, explainDecision } from '#lib/trust/verify/explain-decision';
import type { ApiDependencies } from './api-dependencies.ts';
import { answersWith, parameters } from './schemas.ts';
import { sendJson } from './send-json.ts';

interface VerificationRequest {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

/** What is explained, and to whom the registry answers. */
interface Asked {
  readonly reference: Reference;
  readonly kind: RuntimeKind;
  readonly signal: AbortSignal;
}

const schema = {
  operationId: 'explainVerification',
  summary: 'Explain the decision about a reference',
  description:
    'Which rules of the trust policy were tried, which one decides, and which signatures meet its requirements, or why they ' +
    'do not. The answer is 200 for a refusal too. Without a tag or digest, only the rules are evaluated.',
  querystring: { type: 'object', required: ['reference'], additionalProperties: false, properties: parameters },
  response: answersWith('Decision'),
};

/** A plugin that serves `GET /v1/verification?reference=…`: the decision and its steps. */
export async function verificationRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { readers, policy: followed, signalOf, localPaths } = dependencies;
  app.get<VerificationRequest>('/v1/verification', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const { kind } = request.query;
    const reference = parseReference(request.query.reference);
    readers.authorize(await readers.identify(request.headers.authorization), reference, kind);
    const policy = followed.current;
    const explained = await explain(policy, { reference, kind, signal: signalOf(reply) }, dependencies);
    const document = describeDecision(explained, { policy, reference, kind });
    return sendJson(reply, withoutPaths(document, localPaths()), readers);
  });
}

/**
 * Explains a decision, with the reason why a profile whose signatures meet the rule is refused
 * nevertheless, such as one of another kind. Rejects with Unavailable if the registry does not
 * answer.
 */
async function explain(
  policy: Policy,
  { reference, kind, signal }: Asked,
  { profiles }: ApiDependencies,
): Promise<DecisionExplanation> {
  const namesVersion = reference.tag !== undefined || reference.digest !== undefined;
  const decided = await explainDecision({ reference: withoutVersion(reference), kind }, { policy, connect: unasked });
  if (decided.refusal !== undefined || !namesVersion) return decided;
  const explained = authorize(policy, reference, kind).unsigned
    ? decided
    : await profiles.ask(reference, signal, (source) =>
        explainDecision({ reference, kind }, { policy, connect: () => withSignal(source, signal) }),
      );
  if (explained.refusal?.kind === 'Unavailable') throw explained.refusal;
  if (explained.refusal !== undefined) return explained;
  const digest = explained.found?.descriptor.digest ?? reference.digest;
  const pinned = digest === undefined ? reference : { ...reference, digest };
  try {
    await profiles.find({ reference: pinned, kind }, signal);
    return explained;
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind === 'Unavailable') throw error;
    return { ...explained, refusal: error };
  }
}

function withoutVersion({ registry, repository }: Reference): Reference {
  return { registry, repository };
}

function unasked(): never {
  throw new Error('the rules are evaluated without a registry');
}

/** Returns the same source, whose requests end with the signal. */
function withSignal(source: ReadTarget, signal: AbortSignal): ReadTarget {
  return {
    resolve: (tagOrDigest, options) => source.resolve(tagOrDigest, { ...options, signal }),
    referrers: (subject, options) => source.referrers(subject, { ...options, signal }),
    fetch: (descriptor, options) => source.fetch(descriptor, { ...options, signal }),
  };
}

function describeDecision(
  { decision, found, refusal }: DecisionExplanation,
  { policy, reference, kind }: { readonly policy: Policy; readonly reference: Reference; readonly kind: RuntimeKind },
): object {
  const isChecked = found !== undefined || decision.rule?.unsigned === true;
  return {
    allowed: refusal === undefined ? (isChecked ? true : null) : false,
    reference: formatReference(reference),
    kind,
    revision: policy.revision,
    rule: decision.rule?.match ?? null,
    steps: decision.steps,
    digest: found?.descriptor.digest ?? null,
    signatures: found?.signatures ?? null,
    requirements: found?.examined.map((examined) => ({ met: isMet(examined), ...examined })) ?? null,
    refusal: refusal === undefined ? null : { kind: refusal.kind, message: shownMessage(refusal) },
  };
}

/** Returns a document whose texts name no files of this machine. */
function withoutPaths(document: object, paths: Readonly<Record<string, string>>): object {
  const hide = (_name: string, value: unknown): unknown =>
    typeof value === 'string' ? withoutLocalPaths(value, paths) : value;
  return JSON.parse(JSON.stringify(document), hide);
}
