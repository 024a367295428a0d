import * as v from 'valibot';
import type { FairleadError } from '#lib/errors';
import { type NewCondition, setCondition } from '#lib/kube/conditions';
import type { ObjectMeta } from '#lib/kube/kube-object';
import { sentence, withNextStep } from '#lib/text/sentence';
import type { Policy } from '#lib/trust/policy/node-policy';
import { conditionSchema } from '../api/shared/condition.ts';
import { policyName } from './object-policy.ts';

const statusSchema = v.object({
  observedGeneration: v.optional(v.number()),
  revision: v.optional(v.string()),
  conditions: v.optional(v.array(conditionSchema), []),
});

/** What the operator reports of a TrustPolicy. */
export type TrustPolicyStatus = v.InferOutput<typeof statusSchema>;

/** A TrustPolicy, as its controller holds it. */
export interface StoredTrustPolicy {
  readonly metadata: ObjectMeta;
  readonly spec: unknown;
  readonly status: TrustPolicyStatus;
}

const objectSchema = v.object({
  metadata: v.looseObject({
    name: v.string(),
    uid: v.optional(v.string(), ''),
    resourceVersion: v.string(),
    generation: v.optional(v.number()),
  }),
  spec: v.optional(v.unknown()),
  status: v.fallback(v.optional(statusSchema, {}), { conditions: [] }),
});

/** Reads a TrustPolicy as the API server returns it. Throws valibot's error. */
export function parseStoredTrustPolicy(object: unknown): StoredTrustPolicy {
  const { metadata, spec, status } = v.parse(objectSchema, object);
  const { name, uid, resourceVersion, generation } = metadata;
  return { metadata: { name, uid, resourceVersion, generation }, spec, status };
}

/** What came of reading a TrustPolicy. */
export type PolicyOutcome =
  | { readonly policy: Policy }
  /** Why it cannot come into force, and the policy that stays in force. */
  | { readonly error: FairleadError; readonly before: Policy | undefined }
  /** A file decides alone. */
  | 'file'
  /** It has another name than the one by which the operator decides. */
  | 'other name';

/** Returns the status of a TrustPolicy. */
export function planTrustPolicy(
  { metadata, status }: StoredTrustPolicy,
  outcome: PolicyOutcome,
  now: Date,
): TrustPolicyStatus {
  const { generation } = metadata;
  const ready = { type: 'Ready', ...readyOf(outcome), observedGeneration: generation };
  const inForce = typeof outcome === 'string' ? undefined : 'policy' in outcome ? outcome.policy : outcome.before;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(inForce !== undefined && { revision: inForce.revision }),
    conditions: setCondition(status.conditions, ready, now),
  };
}

function readyOf(outcome: PolicyOutcome): Omit<NewCondition, 'type'> {
  if (outcome === 'file') {
    const message =
      'it is not used: the operator was started with the file of a trust policy, and decides by that alone. Start it without to use this object.';
    return { status: 'False', reason: 'NotUsed', message };
  }
  if (outcome === 'other name') {
    const message = `it is not used: the operator reads only the TrustPolicy that is named ${policyName}.`;
    return { status: 'False', reason: 'NotUsed', message };
  }
  if ('policy' in outcome) {
    const { length } = outcome.policy.rules;
    const message =
      length === 0
        ? 'it has no rules, so no artifact is allowed'
        : `${length === 1 ? '1 rule is' : `${length} rules are`} in force`;
    return { status: 'True', reason: 'InForce', message };
  }
  const { error, before } = outcome;
  const kept = before === undefined ? 'No artifact is allowed meanwhile.' : 'The policy before it stays in force.';
  const why = error.hint === undefined ? sentence(error.message) : withNextStep(error.message, error.hint);
  return {
    status: 'False',
    reason: error.kind === 'Unavailable' ? 'Unavailable' : 'Invalid',
    message: `${why} ${kept}`,
  };
}
