import { FairleadError, toFairleadError } from '#lib/errors';
import { type Reconciled, runController } from '#lib/kube/controller';
import { Informer } from '#lib/kube/informer';
import type { KubeLog } from '#lib/kube/log';
import type { KubeMetrics } from '#lib/kube/metrics';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import type { Policy } from '#lib/trust/policy/node-policy';
import { trustPolicySchema } from '../api/trustpolicy/v1alpha1.ts';
import { structureOf } from '../validate/structure.ts';
import { describeViolation } from '../validate/verdict.ts';
import { denyingPolicy, isObjectPolicy, objectPolicy, policyName } from './object-policy.ts';
import { ObjectPolicy, type OperatorPolicy } from './operator-policy.ts';
import {
  type PolicyOutcome,
  parseStoredTrustPolicy,
  planTrustPolicy,
  type StoredTrustPolicy,
} from './plan-trust-policy.ts';

export interface TrustPolicyControllerOptions {
  readonly client: ObjectClient;
  readonly log: KubeLog;
  readonly metrics?: KubeMetrics | undefined;
  /** Who writes, in the managed fields of objects. */
  readonly fieldManager: string;
  /** The policy of a file, which decides alone, or that of the object, which is set. */
  readonly policy: OperatorPolicy;
}

/** TrustPolicy objects. */
export const trustPolicies: Resource = {
  group: 'fairlead.dev',
  version: 'v1alpha1',
  plural: 'trustpolicies',
  kind: 'TrustPolicy',
  namespaced: false,
};

/** Milliseconds after which a trusted root is fetched again. */
const refreshMs = 3_600_000;
const retryMs = 30_000;

/**
 * Brings the TrustPolicy `default` into force whenever it changes, and reports in its status
 * whether that was possible, until `signal` aborts. The last valid policy stays in force; without
 * one, nothing is allowed.
 */
export async function runTrustPolicyController(
  { policy, ...options }: TrustPolicyControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const informer = new Informer({ ...options, resource: trustPolicies, parse: parseStoredTrustPolicy });
  informer.start();
  const allowNothing = (): void => {
    if (policy instanceof ObjectPolicy) policy.set(denyingPolicy('does not exist'));
  };
  informer.synced().then(
    () => {
      if (informer.store.get(policyName) === undefined && informer.rejection(policyName) === undefined) allowNothing();
    },
    // Stopped before.
    () => undefined,
  );
  informer.settled().then(
    () => {
      // What is decided without a policy states why.
      if (policy instanceof ObjectPolicy && !informer.hasSynced) policy.settle(informer.problem);
    },
    // Stopped before.
    () => undefined,
  );
  await runController(
    {
      ...options,
      name: trustPolicies.plural,
      informer,
      concurrency: 1,
      reconcile: (object) => reconcileTrustPolicy(object, policy, new Date()),
      removed: async (key) => {
        if (key === policyName) allowNothing();
      },
    },
    signal,
  );
  await informer.stop();
}

/** Reads a TrustPolicy, brings it into force if it is valid, and returns its status. */
async function reconcileTrustPolicy(object: StoredTrustPolicy, policy: OperatorPolicy, now: Date): Promise<Reconciled> {
  if (object.metadata.name !== policyName) return { status: planTrustPolicy(object, 'other name', now) };
  if (!(policy instanceof ObjectPolicy)) return { status: planTrustPolicy(object, 'file', now) };
  const outcome = await bringIntoForce(object.spec, policy);
  const requeueAfter = 'policy' in outcome ? refreshMs : outcome.error.kind === 'Unavailable' ? retryMs : undefined;
  return { status: planTrustPolicy(object, outcome, now), requeueAfter };
}

async function bringIntoForce(spec: unknown, policy: ObjectPolicy): Promise<Exclude<PolicyOutcome, string>> {
  const before = policy.known !== undefined && isObjectPolicy(policy.known) ? policy.known : undefined;
  try {
    const read = await readSpec(spec);
    policy.set(read);
    return { policy: read };
  } catch (thrown) {
    const error = toFairleadError(thrown);
    // What cannot be read now may be valid: nothing is concluded from it.
    if (error.kind === 'Unavailable') policy.settle();
    else if (before === undefined) policy.set(denyingPolicy('is invalid'));
    return { error, before };
  }
}

/** Throws InvalidInput for a specification that was stored although it is invalid. */
async function readSpec(spec: unknown): Promise<Policy> {
  const structure = structureOf(trustPolicySchema, { spec });
  if ('value' in structure) return await objectPolicy(structure.value.spec);
  const [first] = structure.violations;
  throw new FairleadError(
    'InvalidInput',
    first === undefined ? 'the specification is invalid' : describeViolation(first),
  );
}
