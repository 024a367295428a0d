import { FairleadError } from '#lib/errors';
import type { ProfileKind } from '#lib/profile/profile';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference, tagOrDigestOf } from '#lib/registry/reference';
import type { ReadTarget } from '#lib/registry/target';
import { authorize, decide, type PolicyDecision } from '../policy/authorize.ts';
import type { Rule, TrustPolicy } from '../policy/policy.ts';
import { examineSignatures } from './examine-signatures.ts';
import type { Examined } from './examined.ts';
import { fetchSignatures } from './fetch-signatures.ts';
import { judge } from './verify-signatures.ts';

/** A decision of a policy, step by step. */
export interface DecisionExplanation {
  /** The rules that were asked, and the one that decides. */
  readonly decision: PolicyDecision;
  /**
   * Absent where the registry was not asked: nothing allows it, nothing needs to be signed, or the
   * reference names no version.
   */
  readonly found?: {
    readonly descriptor: Descriptor;
    readonly signatures: number;
    readonly examined: readonly Examined[];
  };
  /** Why it is refused, or why it could not be found out; absent where it is allowed. */
  readonly refusal?: FairleadError;
}

/**
 * Explains what a policy says of a reference: rule by rule, and, where a rule asks for signatures
 * and the reference has a tag or a digest, signature by signature as they are in the registry. What
 * FairleadError there is becomes part of the explanation.
 */
export async function explainDecision(
  { reference, kind }: { readonly reference: Reference; readonly kind?: ProfileKind | undefined },
  { policy, connect }: { readonly policy: TrustPolicy; readonly connect: (reference: Reference) => ReadTarget },
): Promise<DecisionExplanation> {
  const decision = decide(policy, reference, kind);
  try {
    const rule = authorize(policy, reference, kind);
    if (rule.unsigned || (reference.tag === undefined && reference.digest === undefined)) return { decision };
    return { decision, ...(await examineFound(reference, rule, connect(reference))) };
  } catch (error) {
    if (error instanceof FairleadError) return { decision, refusal: error };
    throw error;
  }
}

async function examineFound(
  reference: Reference,
  rule: Rule,
  target: ReadTarget,
): Promise<Pick<DecisionExplanation, 'found' | 'refusal'>> {
  const descriptor = await target.resolve(tagOrDigestOf(reference));
  const attestations = rule.attestations?.map(({ type }) => type) ?? [];
  const skipped: FairleadError[] = [];
  const onSkipped = (error: FairleadError): void => void skipped.push(error);
  const signatures = await fetchSignatures(target, descriptor, { attestations, onSkipped });
  const examined = examineSignatures(descriptor, reference, signatures, rule);
  const found = { descriptor, signatures: signatures.length, examined };
  try {
    judge(examined, {
      name: `${formatRepository(reference)}@${descriptor.digest}`,
      found: signatures.length,
      rule,
      skipped,
    });
    return { found };
  } catch (error) {
    if (error instanceof FairleadError) return { found, refusal: error };
    throw error;
  }
}
