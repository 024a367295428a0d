import { basename } from 'node:path';
import { FairleadError } from '#lib/errors';
import type { LocalPaths } from '#lib/http/local-paths';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatRepository, parseReference, type Reference } from '#lib/registry/reference';
import type { Policy } from '#lib/trust/policy/node-policy';
import { policyPlace, type TrustPolicy } from '#lib/trust/policy/policy';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type { Examined } from '#lib/trust/verify/examined';
import type { DecisionExplanation } from '#lib/trust/verify/explain-decision';
import { explainVerification } from '../../verified/explain-verification.ts';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';
import { answerInTime } from '../checks/answer-in-time.ts';
import { lineOf, shownReason } from '../checks/trust.ts';
import type { WhyAnswer, WhyRule, WhyView } from './why-view.ts';

/** What explainWhy works with. */
export interface WhyDependencies {
  readonly profiles: VerifiedProfiles;
  readonly policy: { readonly current: Policy };
  readonly localPaths: () => LocalPaths;
}

/**
 * Explains what the policy in force decides on a reference, rule by rule and signature by
 * signature, as a node with the same policy does. An invalid reference and a registry that does not
 * answer are part of the explanation.
 */
export async function explainWhy(
  { reference: text, kind }: { readonly reference: string; readonly kind: RuntimeKind },
  dependencies: WhyDependencies,
  signal: AbortSignal,
): Promise<WhyView> {
  const entered = text.trim();
  if (entered === '') return { reference: '', kind };
  let reference: Reference;
  try {
    reference = parseReference(entered);
  } catch (error) {
    if (error instanceof FairleadError) return { reference: entered, kind, problem: error.summary };
    throw error;
  }
  const policy = dependencies.policy.current;
  const explained = await answerInTime({ registry: reference.registry, signal }, (bounded) =>
    explainVerification({ reference, kind }, { policy, profiles: dependencies.profiles, signal: bounded }),
  );
  const paths = dependencies.localPaths();
  return { reference: entered, kind, answer: answerOf({ reference, explained, policy, paths }) };
}

function answerOf({
  reference,
  explained: { decision, found, refusal },
  policy,
  paths,
}: {
  readonly reference: Reference;
  readonly explained: DecisionExplanation;
  readonly policy: TrustPolicy;
  readonly paths: LocalPaths;
}): WhyAnswer {
  const rules = policy.rules.map((rule, index): WhyRule => {
    const line = lineOf(rule.position);
    const outcome = decision.steps[index]?.outcome ?? 'not asked';
    return { number: index + 1, rule, outcome, ...(line !== undefined && { line }) };
  });
  const deciding = rules.find(({ outcome }) => outcome === 'matches')?.number;
  return {
    repository: formatRepository(reference),
    outcome: outcomeOf(decision.rule?.unsigned === true || found !== undefined, refusal),
    rules,
    ...(deciding !== undefined && { deciding }),
    ...(found && { digest: found.descriptor.digest, found: found.signatures }),
    examined: found?.examined.map(withFileNames) ?? [],
    ...(refusal && { refusal: { kind: refusal.kind, why: shownReason(refusal, paths) } }),
    policy: { name: basename(policyPlace(policy)), revision: policy.revision },
  };
}

function outcomeOf(isExamined: boolean, refusal: FairleadError | undefined): WhyAnswer['outcome'] {
  if (refusal === undefined) return isExamined ? 'allowed' : 'undecided';
  return refusal.kind === 'Unavailable' || refusal.kind === 'Unauthenticated' || refusal.kind === 'NotFound'
    ? 'undecided'
    : 'refused';
}

/** Readers are not told in which directories keys are. */
function withFileNames(examined: Examined): Examined {
  const held = examined.held.map(
    (signature): HeldSignature =>
      signature.key === undefined ? signature : { ...signature, key: basename(signature.key) },
  );
  const refused = examined.refused.map((each) => ({
    ...each,
    wanted: withoutDirectory(each.wanted),
    reason: each.reason,
  }));
  return { ...examined, wanted: examined.wanted.map(withoutDirectory), held, refused };
}

/** Returns `key release.pub` of `key /etc/fairlead/release.pub`. */
export function withoutDirectory(alternative: string): string {
  return alternative.startsWith('key ') ? `key ${basename(alternative.slice(4))}` : alternative;
}
