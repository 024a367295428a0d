import type { ProfileMode } from '../constraint.ts';
import { fullBudget } from './algebra/budget.ts';
import { combineDecisions } from './algebra/combine.ts';
import type { Decision, Region } from './algebra/decision.ts';
import { always } from './algebra/decision.ts';
import { likeTreated } from './algebra/like-treated.ts';
import { logRefusals } from './algebra/log-refusals.ts';
import { decisionAbout, strictestMeaning, strictestOfBoth } from './algebra/meaning.ts';
import type { Outcome } from './algebra/outcome.ts';
import { enosys, stricter } from './algebra/outcome.ts';
import type { NumberedMeaning } from './algebra/read-meaning.ts';
import { readMeaning } from './algebra/read-meaning.ts';
import { boxOf } from './algebra/rule-regions.ts';
import { asApplied } from './as-applied.ts';
import { flagsField, intersectFlags } from './flags.ts';
import { encodeDecision, encodeStrictest, strictestOf } from './libseccomp/encode.ts';
import type { EncodedGroup } from './libseccomp/encoded-group.ts';
import { encodingsOf, withReplaced } from './libseccomp/encoded-group.ts';
import type { Encoding } from './libseccomp/encoding.ts';
import { fitIntoKernel } from './libseccomp/filter-size.ts';
import { distinguishStricter, holdMultiplexers } from './libseccomp/multiplexer.ts';
import { namedDefault } from './libseccomp/named-default.ts';
import { inLoadOrder, keepNumberLoad } from './libseccomp/number-load.ts';
import { entriesOf } from './libseccomp/rule-list.ts';
import type { SeccompProfile } from './model.ts';
import { SyscallIds } from './tables/syscall-ids.ts';
import { architectures as knownArchitectures } from './tables/vocabulary.ts';

/**
 * Syscalls of an intersection with which each input does the same: what that is, in their order,
 * and what came out.
 */
export interface IntersectedSyscalls {
  readonly syscalls: readonly number[];
  readonly inputs: readonly Decision[];
  /** What holds, as written. */
  readonly result: Decision;
}

/** An intersection, with what is needed to explain it. */
export interface Intersection {
  readonly profile: SeccompProfile;
  readonly ids: SyscallIds;
  readonly meanings: readonly NumberedMeaning[];
  /**
   * The syscalls that any input names, and those that have rules without it; each name is in one
   * group.
   */
  readonly groups: readonly IntersectedSyscalls[];
}

/**
 * Returns the profile that is, for every architecture, syscall and arguments, as strict as the
 * strictest input (KEP-6061, "Merge"): never looser, and equal wherever the format can express it.
 * Inputs are in the order of the KEP: baseline, base, artifact; at equal strictness the earliest
 * gives the errno.
 *
 * @param nativeArchitecture what runtimes add where architectures are not listed, as SCMP_ARCH_*.
 * @param listener whose listenerPath, listenerMetadata and WAIT_KILLABLE_RECV count: the
 * baseline's, if there is one.
 * @param mode how the last input holds, the artifact. If it is Log, what only the artifact does not
 * allow is logged. Its rules hold for architectures that it does not list, too, because no rule can
 * be for one architecture alone.
 */
export function intersect(
  inputs: readonly SeccompProfile[],
  nativeArchitecture: string,
  listener?: SeccompProfile,
  mode?: ProfileMode,
): Intersection {
  const ids = new SyscallIds();
  // A profile given twice is read twice: what decisions come to depends on whether they are one
  // object, and must not depend on whether the caller had one object for two equal profiles.
  const written = inputs.map((input, at) =>
    inputs.indexOf(input) === at ? strictestMeaning(input, ids) : readMeaning(input, ids, strictestOfBoth),
  );
  const last = inputs.length - 1;
  const meanings = mode === undefined ? written : written.with(last, logRefusals(written[last] as NumberedMeaning));
  const architectures = intersectArchitectures(mode === undefined ? inputs : inputs.slice(0, last), nativeArchitecture);
  const has32Bit = architectures.some((name) => knownArchitectures.get(name)?.bits !== 64);
  const budget = fullBudget();
  const combine = (decisions: readonly Decision[]) =>
    decisions.reduce((first, second) => combineDecisions(first, second, has32Bit, budget));
  const otherwise = combine(meanings.map((meaning) => meaning.otherwise)).otherwise;
  const encodingOf = remembered((decision: Decision) => encodeDecision(decision, otherwise, has32Bit, budget));
  const treated: readonly Combined[] = likeTreated(meanings, ids.size).map(({ syscalls, inputs: decisions }) => {
    const result = combine(decisions);
    return { syscalls, inputs: decisions, result, encoding: encodingOf(result) };
  });
  const unnamed: Combined = {
    syscalls: [],
    inputs: meanings.map((meaning) => meaning.otherwise),
    result: always(otherwise),
    encoding: { rules: [], exact: true },
  };
  const encodings = encodingsOf(treated, ids);
  const held = holdMultiplexers(architectures, meanings, encodings, otherwise, 'strictest', budget);
  const multiplexed = withReplaced(treated, held, unnamed, ids);
  const simplest = remembered((result: Decision) => encodeStrictest(result, otherwise));
  const simpler = fitIntoKernel(multiplexed, ids, architectures, ({ result }) => simplest(result));
  const fitting = withReplaced(multiplexed, simpler, unnamed, ids);
  const anchorOf = (unimplemented: string) => {
    const written = combine(meanings.map((meaning) => decisionAbout(ids.idOf(unimplemented), meaning)));
    return distinguishStricter(stricter(strictestOf(written), enosys), otherwise);
  };
  const groups = withReplaced(fitting, keepNumberLoad(fitting, ids, architectures, anchorOf), unnamed, ids);
  const profile: SeccompProfile = {
    defaultAction: otherwise.action,
    ...(otherwise.errno === undefined ? {} : { defaultErrnoRet: otherwise.errno }),
    architectures,
    ...flagsField(intersectFlags(inputs, listener)),
    ...(listener?.listenerPath === undefined ? {} : { listenerPath: listener.listenerPath }),
    ...(listener?.listenerMetadata === undefined ? {} : { listenerMetadata: listener.listenerMetadata }),
    syscalls: [...entriesOf(groups, ids), ...namedDefault(namesWithoutRules(inputs, groups, ids), otherwise)],
  };
  const intersected = groups.map(({ syscalls, inputs: decisions, result, encoding }) => ({
    syscalls,
    inputs: decisions,
    result: encoding.exact ? result : decisionSaidBy(encoding, otherwise),
  }));
  return { profile, ids, meanings, groups: intersected };
}

/**
 * Returns the intersection of profiles as nodes apply them; see {@link intersect} and asApplied. It
 * is what holds on a node.
 */
export function intersectSeccomp(
  inputs: readonly SeccompProfile[],
  nativeArchitecture: string,
  listener?: SeccompProfile,
): Intersection {
  const applied = inputs.map((input) => asApplied(input, nativeArchitecture));
  return intersect(applied, nativeArchitecture, listener);
}

/**
 * Returns every name of the inputs and of the groups that has no rules, once; found out only if it
 * is asked for.
 */
function* namesWithoutRules(
  inputs: readonly SeccompProfile[],
  groups: readonly EncodedGroup[],
  ids: SyscallIds,
): Iterable<string> {
  const silent = new Set(inputs.flatMap(({ syscalls = [] }) => syscalls.flatMap(({ names }) => names)));
  for (const { syscalls, encoding } of groups) {
    for (const name of syscalls.map(ids.nameOf)) {
      if (encoding.rules.length === 0) silent.add(name);
      else silent.delete(name);
    }
  }
  yield* silent;
}

/**
 * What comes of syscalls, and the rules for them: stricter ones, if the profile cannot hold more.
 */
interface Combined extends IntersectedSyscalls, EncodedGroup {}

/** Returns the decision of the rules for a result that could not be written exactly. */
function decisionSaidBy({ rules, exact }: Encoding, byDefault: Outcome): Decision {
  const [only] = rules;
  const outcome = only === undefined ? byDefault : only.outcome;
  if (only === undefined || only.args.length === 0) return { ...always(outcome), exact };
  const regions: Region[] = [];
  for (const { args, outcome: held } of rules) {
    const box = boxOf(args);
    if (box !== undefined) regions.push({ box, outcome: held });
  }
  return { regions, otherwise: byDefault, exact, wide: false };
}

/** Returns a function that is asked for each thing once; many syscalls share their decisions. */
function remembered<Of extends object, Result>(find: (of: Of) => Result): (of: Of) => Result {
  const known = new Map<Of, Result>();
  return (of) => {
    const result = known.get(of) ?? find(of);
    known.set(of, result);
    return result;
  };
}

/**
 * Returns the architectures that every input filters, the native one first. An input that lists
 * none filters the native one alone, as runtimes load it: programs of other architectures are
 * killed.
 */
export function intersectArchitectures(inputs: readonly SeccompProfile[], native: string): readonly string[] {
  const lists = inputs.map(({ architectures }) => new Set(architectures));
  const [first = new Set<string>(), ...others] = lists;
  const shared = [...first].filter((name) => name !== native && others.every((set) => set.has(name)));
  return [native, ...inLoadOrder(shared)];
}
