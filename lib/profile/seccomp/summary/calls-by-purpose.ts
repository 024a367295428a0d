import type { Decision } from '../algebra/decision.ts';
import { decisionOf, meaningOf } from '../algebra/meaning.ts';
import { type CallState, compareCalls } from '../call-counts.ts';
import { effectiveSeccomp } from '../effective-profile.ts';
import type { SeccompProfile } from '../model.ts';
import { nativeArchitecture } from '../tables/architecture.ts';
import { knownArgument } from '../tables/argument-values.ts';
import { type Purpose, purposeOf, purposes } from '../tables/syscall-purposes.ts';
import { conditionText } from './condition-text.ts';
import { Reach } from './reach.ts';

/** What becomes of a system call on nodes, and when it passes. */
export interface SummarizedCall {
  readonly name: string;
  readonly state: CallState;
  /** `when the family is not AF_NETLINK (16)`; for conditional ones. */
  readonly condition?: string;
  /** `socketcall` or `ipc`, through which 32-bit programs evade the condition. */
  readonly evadedBy?: string;
  /** What the condition looks at, if it is known: `family`. */
  readonly argument?: string;
}

/** The system calls for one purpose. */
export interface PurposeGroup {
  readonly purpose: Purpose;
  /** Sorted by name. */
  readonly calls: readonly SummarizedCall[];
}

/**
 * Returns what becomes of every system call of amd64 and 386 under a profile, by purpose, as
 * compareCalls counts them. Names that no architecture has are left out.
 *
 * @param baseline what loadReferenceDefault returns.
 */
export function callsByPurpose(profile: SeccompProfile, baseline: SeccompProfile): readonly PurposeGroup[] {
  const native = nativeArchitecture('amd64');
  const effective = effectiveSeccomp({ baseline, artifact: profile }, native).profile;
  const meaning = meaningOf(effective);
  const reach = new Reach(effective, native);
  const groups = Map.groupBy(compareCalls(profile, baseline), ({ name }) => purposeOf(name));
  return purposes.map((purpose) => ({
    purpose,
    calls: (groups.get(purpose) ?? []).map(({ name, state }) =>
      state === 'conditional'
        ? { name, state, ...conditionOf(name, decisionOf(meaning, name), reach) }
        : { name, state },
    ),
  }));
}

function conditionOf(name: string, decision: Decision, reach: Reach): Partial<SummarizedCall> {
  const condition = conditionText(name, decision);
  const evaded = reach.openWays({ name }).find(({ through }) => through !== undefined);
  const [index] = decision.regions.flatMap(({ box }) => box.map((side) => side.index));
  const argument = index === undefined ? undefined : knownArgument(name, index)?.name;
  return {
    ...(condition !== undefined && { condition }),
    ...(evaded?.through !== undefined && { evadedBy: evaded.through }),
    ...(argument !== undefined && { argument }),
  };
}
