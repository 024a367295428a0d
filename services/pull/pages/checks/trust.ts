import { type ErrorKind, FairleadError } from '#lib/errors';
import { type LocalPaths, withoutLocalPaths } from '#lib/http/local-paths';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Reference } from '#lib/registry/reference';
import { decide } from '#lib/trust/policy/authorize';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { HeldSignature } from '#lib/trust/signature/signature';
import type { VerifiedArtifact } from '../../verified/verified-profile.ts';
import type { VerifiedProfiles } from '../../verified/verified-profiles.ts';
import { findInTime } from './answer-in-time.ts';

/** A rule of the policy, by its place in it. */
export interface RulePlace {
  /** From 1. */
  readonly number: number;
  /** Absent if the policy is an object, not a file. */
  readonly line?: string;
}

/** How this site's check of a profile ended. */
export type Trust =
  | {
      readonly state: 'verified' | 'notSigned';
      readonly rule: RulePlace | undefined;
      readonly signatures: readonly HeldSignature[];
      readonly time: Date;
    }
  | { readonly state: 'refused'; readonly rule: RulePlace | undefined; readonly why: string }
  | {
      readonly state: 'notChecked';
      readonly why: string;
      /** When what is shown was verified; absent if this site has not verified it. */
      readonly last?: Date;
    };

/** The kinds of errors that are about the artifact: it may not be used. */
const refusals: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  ...(['NotAllowed', 'SignatureInvalid', 'ProfileInvalid', 'Conflict', 'LimitExceeded'] as const),
]);
/** Those of a registry that does not answer as it should. */
const outages: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['Unavailable', 'Unauthenticated']);

/** A profile as far as it may be shown, and how its check ended. */
export interface TrustedProfile {
  readonly trust: Trust;
  /** Absent if nothing is verified. */
  readonly checked?: VerifiedArtifact;
}

/** What checkTrust works with. */
export interface TrustDependencies {
  readonly profiles: VerifiedProfiles;
  readonly policy: { readonly current: TrustPolicy };
  /** Returns the paths of this machine, by the names that readers get instead. */
  readonly localPaths: () => LocalPaths;
}

/**
 * Checks a profile, and returns how that ended: an answer of the policy or of the signatures, or
 * what is known of the last time if the registry does not answer. Other errors are thrown, such as
 * NotFound.
 */
export async function checkTrust(
  reference: Reference,
  kind: RuntimeKind | undefined,
  { profiles, policy, localPaths }: TrustDependencies,
  signal: AbortSignal,
): Promise<TrustedProfile> {
  try {
    const checked = await findInTime(profiles, reference, signal);
    return { checked, trust: trustOf(reference, checked, policy.current) };
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const why = shownReason(error, localPaths());
    if (refusals.has(error.kind)) {
      const rule = rulePlace(policy.current, reference, kind);
      return { trust: { state: 'refused', rule, why } };
    }
    if (!outages.has(error.kind)) throw error;
    const last = await profiles.lastArtifact(reference, signal);
    return last === undefined
      ? { trust: { state: 'notChecked', why } }
      : { checked: last, trust: { state: 'notChecked', why, last: last.time } };
  }
}

function trustOf(reference: Reference, { verification, kind, time }: VerifiedArtifact, policy: TrustPolicy): Trust {
  const { unsigned, signatures } = verification;
  const rule = rulePlace(policy, reference, kind);
  return { state: unsigned ? 'notSigned' : 'verified', rule, signatures, time };
}

/** Returns the rule that decides about a repository; undefined if none does. */
export function rulePlace(
  policy: TrustPolicy,
  reference: Reference,
  kind: RuntimeKind | undefined,
): RulePlace | undefined {
  const { rule } = decide(policy, reference, kind);
  if (rule === undefined) return undefined;
  const line = lineOf(rule.position);
  return { number: policy.rules.indexOf(rule) + 1, ...(line !== undefined && { line }) };
}

/** Returns the line of a position in a file; undefined for a field of an object. */
export function lineOf(position: string | undefined): string | undefined {
  return /^(\d+):\d+$/.exec(position ?? '')?.[1];
}

/** Returns why something is refused, without the directories of this machine; digests are cut. */
export function shownReason(error: FairleadError, paths: LocalPaths): string {
  return withoutLocalPaths(error.summary, paths).replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, '$1…');
}
