import { FairleadError } from '#lib/errors';
import { explainPull } from '#lib/node/pull/explain-pull';
import type { PullRequest } from '#lib/node/pull/pulled-profile';
import type { Reference } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import type { Policy } from '#lib/trust/policy/node-policy';
import { type DecisionExplanation, explainDecision } from '#lib/trust/verify/explain-decision';
import type { VerifiedProfiles } from './verified-profiles.ts';

/** What explainVerification works with. */
export interface ExplainDependencies {
  readonly policy: Policy;
  readonly profiles: Pick<VerifiedProfiles, 'ask' | 'find'>;
  readonly signal: AbortSignal;
}

/**
 * Explains the decision about a profile as a node with the same policy makes it, rule by rule and
 * signature by signature, with the reason why a profile whose signatures meet the rule is refused
 * nevertheless. A registry that does not answer is part of the explanation.
 */
export async function explainVerification(
  request: PullRequest,
  dependencies: ExplainDependencies,
): Promise<DecisionExplanation> {
  const { profiles, signal } = dependencies;
  const explained = await explainSignatures(request, dependencies);
  return explainPull(explained, request, (pinned) => profiles.find(pinned, signal));
}

async function explainSignatures(
  { reference, kind }: PullRequest,
  { policy, profiles, signal }: ExplainDependencies,
): Promise<DecisionExplanation> {
  const decided = await explainDecision({ reference: withoutVersion(reference), kind }, { policy, connect: unasked });
  const { decision, refusal } = decided;
  const namesVersion = reference.tag !== undefined || reference.digest !== undefined;
  if (refusal !== undefined || !namesVersion || decision.rule?.unsigned) return decided;
  try {
    return await profiles.ask(reference, signal, (source) =>
      explainDecision({ reference, kind }, { policy, connect: () => underSignal(source, signal) }),
    );
  } catch (error) {
    if (error instanceof FairleadError) return { decision, refusal: error };
    throw error;
  }
}

function withoutVersion({ registry, repository }: Reference): Reference {
  return { registry, repository };
}

function unasked(): never {
  throw new Error('the rules are evaluated without a registry');
}

/** Returns the same source, whose requests end with the signal. */
function underSignal(source: ReadTarget, signal: AbortSignal): ReadTarget {
  return {
    resolve: (tagOrDigest, options) => source.resolve(tagOrDigest, { ...options, signal }),
    referrers: (subject, options) => source.referrers(subject, { ...options, signal }),
    fetch: (descriptor, options) => source.fetch(descriptor, { ...options, signal }),
  };
}
