import { intersectBoxes } from './algebra/box.ts';
import type { Budget } from './algebra/budget.ts';
import { fullBudget, orTooMuch } from './algebra/budget.ts';
import { writtenAlike } from './algebra/compare.ts';
import type { Decision, Region } from './algebra/decision.ts';
import { always } from './algebra/decision.ts';
import { likeTreated } from './algebra/like-treated.ts';
import { decisionAbout, laxestOfBoth } from './algebra/meaning.ts';
import type { Outcome } from './algebra/outcome.ts';
import { laxer, sameOutcome, strictness } from './algebra/outcome.ts';
import { readMeaning } from './algebra/read-meaning.ts';
import { addRegion, partition } from './algebra/regions.ts';
import { flagsField, uniteFlags } from './flags.ts';
import { encodeDecision } from './libseccomp/encode.ts';
import type { EncodedGroup } from './libseccomp/encoded-group.ts';
import { encodingsOf, withReplaced } from './libseccomp/encoded-group.ts';
import type { Encoding } from './libseccomp/encoding.ts';
import { fitIntoKernel } from './libseccomp/filter-size.ts';
import { distinguishLaxer, holdMultiplexers } from './libseccomp/multiplexer.ts';
import { inLoadOrder, keepNumberLoad } from './libseccomp/number-load.ts';
import { entriesOf } from './libseccomp/rule-list.ts';
import type { SeccompProfile } from './model.ts';
import { SyscallIds } from './tables/syscall-ids.ts';
import { architectures as knownArchitectures } from './tables/vocabulary.ts';

/**
 * A union, and the syscalls for which it is laxer than every input, since the format cannot express
 * more.
 */
export interface Union {
  readonly profile: SeccompProfile;
  readonly inexact: readonly string[];
}

/**
 * Returns the profile that is, for every architecture, syscall and arguments, as lax as the laxest
 * input: it permits what any of them permits, e.g. the profiles of several recordings of one
 * program. Never stricter than an input, and equal to the laxest wherever the format can express
 * it; at equal strictness the earliest gives the errno. Flags: SPEC_ALLOW if any input has it, LOG
 * and TSYNC if all have. Listener fields are those of the first input.
 *
 * @param nativeArchitecture what runtimes add where architectures are not listed, as SCMP_ARCH_*.
 */
export function unionSeccomp(
  inputs: readonly [SeccompProfile, ...SeccompProfile[]],
  nativeArchitecture: string,
): Union {
  const ids = new SyscallIds();
  const meanings = inputs.map((input) => readMeaning(input, ids, laxestOfBoth));
  const listed = new Set(inputs.flatMap(({ architectures }) => architectures ?? []));
  listed.delete(nativeArchitecture);
  const architectures = [nativeArchitecture, ...inLoadOrder(listed)];
  const has32Bit = architectures.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const otherwise = meanings.map((meaning) => meaning.otherwise.otherwise).reduce(laxer);
  const budget = fullBudget();
  const encodingOf = (result: Decision): Encoding => {
    const encoding = encodeDecision(result, otherwise, has32Bit, budget);
    return encoding.exact ? encoding : encodeLaxest(result, otherwise);
  };
  const treated: readonly United[] = likeTreated(meanings, ids.size).map(({ syscalls, inputs: decisions }) => {
    const result = decisions.reduce((a, b) => unite(a, b, has32Bit, budget));
    return { syscalls, result, encoding: encodingOf(result) };
  });
  const unnamed: United = { syscalls: [], result: always(otherwise), encoding: { rules: [], exact: true } };
  const encodings = encodingsOf(treated, ids);
  const held = holdMultiplexers(architectures, meanings, encodings, otherwise, 'laxest', budget);
  const multiplexed = withReplaced(treated, held, unnamed, ids);
  const simpler = fitIntoKernel(multiplexed, ids, architectures, ({ result }) => encodeLaxest(result, otherwise));
  const fitting = withReplaced(multiplexed, simpler, unnamed, ids);
  const anchorOf = (unimplemented: string) => {
    const written = meanings.map((meaning) => laxestOf(decisionAbout(ids.idOf(unimplemented), meaning)));
    return distinguishLaxer(written.reduce(laxer, otherwise), otherwise);
  };
  const groups = withReplaced(fitting, keepNumberLoad(fitting, ids, architectures, anchorOf), unnamed, ids);
  const inexact = groups.filter(({ encoding }) => !encoding.exact).flatMap(({ syscalls }) => syscalls);
  const [{ listenerPath, listenerMetadata }] = inputs;
  const profile: SeccompProfile = {
    defaultAction: otherwise.action,
    ...(otherwise.errno === undefined ? {} : { defaultErrnoRet: otherwise.errno }),
    architectures,
    ...flagsField(uniteFlags(inputs)),
    ...(listenerPath === undefined ? {} : { listenerPath }),
    ...(listenerMetadata === undefined ? {} : { listenerMetadata }),
    syscalls: entriesOf(groups, ids),
  };
  return { profile, inexact: inexact.sort(ids.compare).map(ids.nameOf) };
}

/**
 * Syscalls with what their inputs come to, and the rules for them: laxer ones, if the profile
 * cannot hold more.
 */
interface United extends EncodedGroup {
  readonly result: Decision;
}

function encodeLaxest(decision: Decision, byDefault: Outcome): Encoding {
  const outcome = laxestOf(decision);
  return { rules: sameOutcome(outcome, byDefault) ? [] : [{ args: [], outcome }], exact: false };
}

function laxestOf({ regions, otherwise }: Decision): Outcome {
  return regions.reduce((least, { outcome }) => laxer(least, outcome), otherwise);
}

function unite(first: Decision, second: Decision, has32Bit: boolean, budget: Budget): Decision {
  if (writtenAlike(first, second)) return first;
  if (second.regions.length === 0 && strictness(second.otherwise) === 0) return second;
  if (first.regions.length === 0 && strictness(first.otherwise) === 0) return first;
  const laxest = (): Decision => ({ ...always(laxer(laxestOf(first), laxestOf(second))), exact: false });
  if (has32Bit && (first.wide || second.wide)) return laxest();
  const otherwise = laxer(first.otherwise, second.otherwise);
  const regions = orTooMuch(
    () => joinLoosening(first, second, budget) ?? uniteRegions(first, second, otherwise, budget),
  );
  if (regions === undefined) return laxest();
  return { regions, otherwise, exact: first.exact && second.exact, wide: first.wide || second.wide };
}

/**
 * Returns the regions of two decisions that both loosen the same outcome, and to the same one, as
 * allow lists do: together, but for those that lie in others. To take them apart first would cut
 * each by all others, a masked comparison of one bit by a number into dozens of pieces.
 *
 * @returns undefined for other decisions.
 * @throws tooMuch
 */
function joinLoosening(first: Decision, second: Decision, budget: Budget): readonly Region[] | undefined {
  const { otherwise } = first;
  const all = [...first.regions, ...second.regions];
  const [one] = all;
  if (one === undefined || !sameOutcome(otherwise, second.otherwise)) return undefined;
  if (strictness(one.outcome) >= strictness(otherwise)) return undefined;
  if (!all.every(({ outcome }) => sameOutcome(outcome, one.outcome))) return undefined;
  const regions: Region[] = [];
  for (const region of all) addRegion(regions, region, budget);
  return regions;
}

function uniteRegions(
  first: Decision,
  second: Decision,
  otherwise: Outcome,
  budget: Budget,
): readonly Region[] | undefined {
  const [ours, theirs] = [partition(first, budget), partition(second, budget)];
  if (ours === undefined || theirs === undefined) return undefined;
  const regions: Region[] = [];
  for (const a of ours) {
    for (const b of theirs) {
      const outcome = laxer(a.outcome, b.outcome);
      if (sameOutcome(outcome, otherwise)) continue;
      for (const box of intersectBoxes(a.box, b.box, budget)) addRegion(regions, { box, outcome }, budget);
    }
  }
  return regions;
}
