import type { FastifyInstance } from 'fastify';
import { shownMessage } from '#lib/errors';
import { withoutLocalPaths } from '#lib/http/local-paths';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference, parseReference, type Reference } from '#lib/registry/reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import { isMet } from '#lib/trust/verify/examined';
import type { DecisionExplanation } from '#lib/trust/verify/explain-decision';
import { explainVerification } from '../verified/explain-verification.ts';
import type { ApiDependencies } from './api-dependencies.ts';
import { answersWith, profileQuery } from './schemas.ts';
import { sendJson } from './send-json.ts';

interface VerificationRequest {
  readonly Querystring: { readonly reference: string; readonly kind: RuntimeKind };
}

const schema = {
  operationId: 'explainVerification',
  summary: 'Explain the decision about a reference',
  description:
    'Which rules of the trust policy were tried, which one decides, and which signatures meet its requirements, or why they ' +
    'do not. The answer is 200 for a refusal too. Without a tag or digest, only the rules are evaluated.',
  querystring: profileQuery,
  response: answersWith('Decision'),
};

/** A plugin that serves `GET /v1/verification?reference=…`: the decision and its steps. */
export async function verificationRoute(app: FastifyInstance, dependencies: ApiDependencies): Promise<void> {
  const { readers, policy: followed, profiles, signalOf, localPaths } = dependencies;
  app.get<VerificationRequest>('/v1/verification', { schema, exposeHeadRoute: false }, async (request, reply) => {
    const { kind } = request.query;
    const reference = parseReference(request.query.reference);
    readers.authorize(await readers.identify(request.headers.authorization), reference, kind);
    const policy = followed.current;
    const explained = await explainVerification({ reference, kind }, { policy, profiles, signal: signalOf(reply) });
    if (explained.refusal?.kind === 'Unavailable') throw explained.refusal;
    const document = describeDecision(explained, { policy, reference, kind });
    return sendJson(reply, withoutPaths(document, localPaths()), readers);
  });
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
