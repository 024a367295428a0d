import type { ErrorKind } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Digest } from '#lib/registry/digest';
import type { Rule } from '#lib/trust/policy/policy';
import type { Examined } from '#lib/trust/verify/examined';

/** What the page about a decision of the policy shows. */
export interface WhyView {
  /** As it was entered; empty if nothing was asked. */
  readonly reference: string;
  readonly kind: RuntimeKind;
  /** Why what was entered is not a reference. */
  readonly problem?: string;
  readonly answer?: WhyAnswer;
}

/** A decision of the policy, rule by rule. */
export interface WhyAnswer {
  /** `registry/repository`. */
  readonly repository: string;
  readonly outcome: 'allowed' | 'refused' | 'undecided';
  /** Every rule of the policy, in file order. */
  readonly rules: readonly WhyRule[];
  /** The number of the rule that decides, from 1; absent if none does. */
  readonly deciding?: number;
  /** What a tag named. */
  readonly digest?: Digest;
  /** Signatures and attestations that were found; absent if none were looked for. */
  readonly found?: number;
  readonly examined: readonly Examined[];
  readonly refusal?: { readonly kind: ErrorKind; readonly why: string };
  readonly policy: { readonly name: string; readonly revision: string };
}

/** A rule, and its outcome. */
export interface WhyRule {
  readonly number: number;
  readonly line?: string;
  readonly rule: Rule;
  readonly outcome: 'matches' | 'other repository' | 'other kind' | 'not asked';
}
