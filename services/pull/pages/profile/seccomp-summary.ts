import { outcomeOf } from '#lib/profile/seccomp/algebra/outcome';
import { type CallCounts, compareCalls, countCalls } from '#lib/profile/seccomp/call-counts';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import { type Abilities, abilitiesUnder } from '#lib/profile/seccomp/summary/abilities';
import { callsByPurpose, type PurposeGroup } from '#lib/profile/seccomp/summary/calls-by-purpose';
import { outcomeText } from '#lib/profile/seccomp/summary/outcome-text';
import { nativeArchitecture } from '#lib/profile/seccomp/tables/architecture';

/** What a seccomp profile permits on nodes whose baseline is RuntimeDefault. */
export interface SeccompSummary {
  readonly counts: CallCounts;
  /** What happens to calls that the profile does not list: `fails with ENOSYS`. */
  readonly byDefault: string;
  readonly abilities: Abilities;
  readonly groups: readonly PurposeGroup[];
  /** Calls that the profile allows and nodes do not grant. */
  readonly asked: readonly string[];
}

/** Profiles never change; a page is asked for again and again. */
const known = new WeakMap<SeccompProfile, SeccompSummary>();

/**
 * Summarizes a profile, as its page shows it.
 *
 * @param baseline what loadReferenceDefault returns: the same for all profiles.
 */
export function summarizeSeccomp(profile: SeccompProfile, baseline: SeccompProfile): SeccompSummary {
  const found = known.get(profile);
  if (found !== undefined) return found;
  // With the names that no architecture has: catalogs count them, too.
  const calls = compareCalls(profile, baseline);
  const summary = {
    counts: countCalls(calls),
    byDefault: outcomeText(outcomeOf(profile.defaultAction, profile.defaultErrnoRet)),
    abilities: abilitiesUnder(profile, baseline, nativeArchitecture('amd64')),
    groups: callsByPurpose(profile, baseline),
    asked: calls.flatMap(({ name, state }) => (state === 'asked' ? [name] : [])),
  };
  known.set(profile, summary);
  return summary;
}
