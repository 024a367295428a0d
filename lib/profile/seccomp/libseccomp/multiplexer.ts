import { argumentSet, containsValue } from '../algebra/argument-set.ts';
import type { Box } from '../algebra/box.ts';
import { domainOf, haveCommonCall } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { differences, directionOf } from '../algebra/compare.ts';
import type { Decision, Region } from '../algebra/decision.ts';
import { always, levelsOf, settle } from '../algebra/decision.ts';
import { strictestOfBoth } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { enosys, laxer, loadable, outcomeOf, sameOutcome, stricter, strictness } from '../algebra/outcome.ts';
import type { NumberedMeaning } from '../algebra/read-meaning.ts';
import { readMeaning } from '../algebra/read-meaning.ts';
import { boxOf } from '../algebra/rule-regions.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import type { Member, Multiplexer } from '../tables/multiplexed-names.ts';
import { involved, isMultiplexing, multiplexers } from '../tables/multiplexed-names.ts';
import { SyscallIds } from '../tables/syscall-ids.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';
import type { Encoding } from './encoding.ts';
import { loadedRules, lowHalf } from './load-cost.ts';
import type { LoadDoubt, LoadedRule } from './loaded-rule.ts';

const involvedNames: ReadonlySet<string> = new Set(involved.map(({ name }) => name));

const none: readonly LoadedRule[] = [];

/**
 * Returns the syscalls whose rules libseccomp adds to a multiplexer with other conditions than some
 * entries have.
 */
export function reconditioned(entries: readonly SeccompRule[], architectures: readonly string[]): ReadonlySet<string> {
  if (!architectures.some(isMultiplexing)) return new Set();
  const conditional = entries.filter(({ args = [] }) => args.length > 0);
  return new Set(conditional.flatMap(({ names }) => names.filter((name) => involvedNames.has(name))));
}

/**
 * Returns the syscalls whose entries libseccomp adds to a multiplexer in an order that may count:
 * some have conditions, and their outcomes differ.
 */
export function inFixedOrder(entries: readonly SeccompRule[], architectures: readonly string[]): ReadonlySet<string> {
  const fixed = new Set<string>();
  if (!architectures.some(isMultiplexing)) return fixed;
  for (const { name, members } of multiplexers) {
    const family = new Set([name, ...members.map((member) => member.name)]);
    const own = entries.filter(({ names }) => names.some((each) => family.has(each)));
    const outcomes = own.map(({ action, errnoRet }) => outcomeOf(action, errnoRet));
    const [first] = outcomes;
    if (first === undefined || outcomes.every((outcome) => sameOutcome(outcome, first))) continue;
    if (own.every(({ args = [] }) => args.length === 0)) continue;
    for (const each of own.flatMap(({ names }) => names)) if (family.has(each)) fixed.add(each);
  }
  return fixed;
}

/**
 * Which of several outcomes a combined profile has, and which direction would break what it
 * promises.
 */
export type Combination = 'strictest' | 'laxest';

/**
 * Returns the rules for socketcall and ipc that keep a combined profile from being looser than an
 * input of an intersection, or stricter than one of a union, through them.
 *
 * libseccomp adds each rule for `socket` to `socketcall` too, with the member's number in place of
 * conditions on the first argument, unless an unconditional rule for `socketcall` itself decides
 * alone. So rules that are right name by name may be wrong through the multiplexer, and rules with
 * different outcomes may become one, which libseccomp refuses. Then the multiplexer gets one
 * unconditional rule.
 *
 * @param encodings the rules of the combined profile by the numbers of syscalls.
 * @returns replacements by name.
 */
export function holdMultiplexers(
  architectures: readonly string[],
  inputs: readonly NumberedMeaning[],
  encodings: readonly (Encoding | undefined)[],
  byDefault: Outcome,
  combination: Combination,
  budget: Budget,
): ReadonlyMap<string, Encoding> {
  const replacements = new Map<string, Encoding>();
  for (const bits of multiplexedWidths(architectures)) {
    const either = combination === 'strictest' ? stricter : laxer;
    const views = inputs.map((meaning) => bothReadings(viewOf(meaning, bits), meaning, either));
    const result = viewOfResult(encodings, byDefault, bits);
    for (const multiplexer of multiplexers) {
      if (!mustHold({ multiplexer, views, result, domain: domainOf(bits) }, combination, budget)) continue;
      const { name, members } = multiplexer;
      const outcomes = [...views, result].flatMap((view) => outcomesThrough(view, multiplexer));
      const outcome = outcomes.reduce(either);
      const explicit = (combination === 'strictest' ? distinguishStricter : distinguishLaxer)(outcome, byDefault);
      if (explicit !== undefined) replacements.set(name, { rules: [{ args: [], outcome: explicit }], exact: false });
      // Under a default of KILL_PROCESS nothing else is as strict: without rules of their own all
      // fall to it.
      else for (const denied of [multiplexer, ...members]) replacements.set(denied.name, { rules: [], exact: false });
    }
  }
  return replacements;
}

/**
 * Returns the rules for socketcall and ipc that keep calls with upper bits in the first argument
 * from evading the rules for their members. The kernel takes 32 bits of that argument; where
 * filters compare 64, libseccomp compares all of them with the number of `socket`, so that such a
 * call meets the default.
 *
 * @returns rules by name; none where the default is as strict.
 */
export function closeMultiplexers(
  profile: SeccompProfile,
  architectures: readonly string[],
): ReadonlyMap<string, Encoding> {
  const closed = new Map<string, Encoding>();
  if (!multiplexedWidths(architectures).has(64)) return closed;
  const view = viewOf(readMeaning(profile, new SyscallIds(), strictestOfBoth), 64);
  for (const multiplexer of multiplexers) {
    if (decidesAlone(view, multiplexer) !== undefined) continue;
    const outcome = outcomesThrough(view, multiplexer).reduce(stricter);
    const ofMembers = multiplexer.members.flatMap(({ slot }) => view.rules[slot] ?? []);
    if (!ofMembers.some((rule) => strictness(rule.outcome) > strictness(view.byDefault))) continue;
    closed.set(multiplexer.name, { rules: [{ args: [], outcome }], exact: false });
  }
  return closed;
}

/** What a profile does with the calls that programs make through socketcall or ipc. */
export interface MultiplexedReading {
  readonly multiplexer: string;
  /** The decisions of its members, by name. */
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Why it is not sure that libseccomp loads them so. */
  readonly doubt?: LoadDoubt;
}

/**
 * Returns what a profile does with every call through socketcall and ipc on architectures that have
 * these and compare arguments in `bits` bits.
 */
export function multiplexedReadings(profile: SeccompProfile, bits: 32 | 64): readonly MultiplexedReading[] {
  const view = viewOf(readMeaning(profile, new SyscallIds(), strictestOfBoth), bits);
  return multiplexers.map((multiplexer) => {
    const why = doubtThrough(multiplexer, view);
    const outcomes = outcomesThrough(view, multiplexer);
    const decisions = multiplexer.members.map((member) => {
      return [member.name, decisionThrough(view, multiplexer, member)] as const;
    });
    return {
      multiplexer: multiplexer.name,
      decisions: new Map(decisions),
      ...(why !== undefined && { doubt: { why, outcomes, dependsOnOthers: false } }),
    };
  });
}

/**
 * Returns in how many bits those of some architectures that have multiplexers compare arguments.
 */
export function multiplexedWidths(architectures: readonly string[]): ReadonlySet<32 | 64> {
  return new Set(architectures.filter(isMultiplexing).map((name) => knownArchitectures.get(name)?.bits ?? 32));
}

/**
 * The rules of a profile for multiplexers and their members, by their slots, as libseccomp gets
 * them.
 */
interface View {
  readonly rules: readonly (readonly LoadedRule[] | undefined)[];
  readonly byDefault: Outcome;
}

function viewOf({ multiplexed, otherwise }: NumberedMeaning, bits: 32 | 64): View {
  const rules = new Array<readonly LoadedRule[] | undefined>(involved.length).fill(undefined);
  const several: LoadedRule[][] = [];
  let last: SeccompRule | undefined;
  let loaded: readonly LoadedRule[] = [];
  for (const { slot, rule } of multiplexed) {
    if (rule !== last) loaded = loadedAs(rule.args ?? [], outcomeOf(rule.action, rule.errnoRet), bits);
    last = rule;
    const before = rules[slot];
    const own = several[slot];
    if (before === undefined) rules[slot] = loaded;
    else if (own !== undefined) own.push(...loaded);
    else {
      const list = [...before, ...loaded];
      several[slot] = list;
      rules[slot] = list;
    }
  }
  return { rules, byDefault: otherwise.otherwise };
}

/**
 * Returns a view in which a syscall that one entry decides alone as written, and another one for
 * 32-bit programs, which leave out comparisons of upper bits, has the outcome of both.
 */
function bothReadings(
  view: View,
  { multiplexed }: NumberedMeaning,
  either: (loaded: Outcome, written: Outcome) => Outcome,
): View {
  // Nearly no profile has such comparisons.
  if (!multiplexed.some(({ rule }) => rule.args?.some(looksAtUpperHalf))) return view;
  const rules = [...view.rules];
  const decided = new Set<number>();
  for (const { slot, rule } of multiplexed) {
    if (decided.has(slot) || !loadedRules(rule.args ?? []).some((conditions) => conditions.length === 0)) continue;
    decided.add(slot);
    const written = loadable(outcomeOf(rule.action, rule.errnoRet));
    const loaded = view.rules[slot]?.find(isUnconditional)?.outcome ?? written;
    if (!sameOutcome(loaded, written)) rules[slot] = [{ conditions: [], outcome: either(loaded, written) }];
  }
  return { ...view, rules };
}

function looksAtUpperHalf({ op, value }: SeccompArg): boolean {
  return op === 'SCMP_CMP_MASKED_EQ' && (value & 0xffff_ffffn) === 0n;
}

function viewOfResult(encodings: readonly (Encoding | undefined)[], byDefault: Outcome, bits: 32 | 64): View {
  const rules = new Array<readonly LoadedRule[] | undefined>(involved.length).fill(undefined);
  let last: Encoding | undefined;
  let loaded: readonly LoadedRule[] = [];
  for (const { id, slot } of involved) {
    const encoding = encodings[id];
    if (encoding === undefined || encoding.rules.length === 0) continue;
    if (encoding !== last) loaded = encoding.rules.flatMap(({ args, outcome }) => loadedAs(args, outcome, bits));
    last = encoding;
    rules[slot] = loaded;
  }
  return { rules, byDefault };
}

function loadedAs(args: readonly SeccompArg[], outcome: Outcome, bits: 32 | 64): readonly LoadedRule[] {
  const held = loadable(outcome);
  if (args.length === 0) return [{ conditions: args, outcome: held }];
  const compared = bits === 32 ? args.map(lowHalf) : args;
  return loadedRules(compared).map((conditions) => ({ conditions, outcome: held }));
}

/** Returns the outcome of the unconditional rule that decides for a multiplexer alone. */
function decidesAlone({ rules }: View, { slot }: Multiplexer): Outcome | undefined {
  return rules[slot]?.find(isUnconditional)?.outcome;
}

function isUnconditional({ conditions }: LoadedRule): boolean {
  return conditions.length === 0;
}

/**
 * Returns what a call of `member` through the multiplexer meets: rules with different outcomes may
 * overlap.
 */
function decisionThrough(view: View, multiplexer: Multiplexer, member: Member): Decision {
  const alone = decidesAlone(view, multiplexer);
  if (alone !== undefined) return always(alone);
  const ofMultiplexer = view.rules[multiplexer.slot] ?? [];
  const own = ofMultiplexer.filter(({ conditions }) => conditions.every(allows(member.call)));
  const rules = view.rules[member.slot] ?? [];
  const sole = rules.find(isUnconditional);
  if (own.length === 0 && (sole !== undefined || rules.length === 0)) return always(sole?.outcome ?? view.byDefault);
  const regions: Region[] = [];
  for (const { conditions, outcome } of [...own, ...(sole === undefined ? rules : [sole])]) {
    const box = boxOf(conditions.filter(({ index }) => index !== 0));
    if (box !== undefined) regions.push({ box, outcome });
  }
  return { ...settle(regions, view.byDefault), exact: true, wide: false };
}

function allows(first: bigint): (arg: SeccompArg) => boolean {
  return (arg) => {
    if (arg.index !== 0) return true;
    const set = argumentSet(arg);
    return set === undefined || (set !== 'none' && containsValue(set, first));
  };
}

/** A multiplexer with what the inputs of a combined profile, and the result, do with it. */
interface Held {
  readonly multiplexer: Multiplexer;
  readonly views: readonly View[];
  readonly result: View;
  readonly domain: Box;
}

function mustHold({ multiplexer, views, result, domain }: Held, combination: Combination, budget: Budget): boolean {
  if (doubtThrough(multiplexer, result) !== undefined) return true;
  // What libseccomp makes of such an input is not what is written, and the result may have lost the
  // conditions.
  if (views.some((view) => hasConditionsBesideMembers(multiplexer, view))) return true;
  return differentMembers(multiplexer, [result, ...views]).some((member) => {
    const reached = decisionThrough(result, multiplexer, member);
    return views.some((input) => {
      return breaks(decisionThrough(input, multiplexer, member), reached, domain, combination, budget);
    });
  });
}

/**
 * Returns why libseccomp may refuse the rules for a multiplexer, or load them otherwise than
 * written.
 */
function doubtThrough(multiplexer: Multiplexer, view: View): string | undefined {
  if (decidesAlone(view, multiplexer) !== undefined) return undefined;
  const { name, members } = multiplexer;
  if (hasConditionsBesideMembers(multiplexer, view)) {
    return `libseccomp may refuse conditions on ${name} beside rules for what it stands for`;
  }
  const ofMembers = [...new Set(members.map((member) => view.rules[member.slot] ?? none))];
  if (ofMembers.some(clashes)) return `libseccomp adds these rules to ${name} too, where they contradict each other`;
  return isMixed(ofMembers.flat()) ? `libseccomp may join these rules wrongly in ${name}` : undefined;
}

function hasConditionsBesideMembers(multiplexer: Multiplexer, view: View): boolean {
  if (view.rules[multiplexer.slot] === undefined || decidesAlone(view, multiplexer) !== undefined) return false;
  return multiplexer.members.some(({ slot }) => (view.rules[slot] ?? none).length > 0);
}

/**
 * Returns the members of a multiplexer without those for which all views have the same rules as for
 * another.
 */
function differentMembers(multiplexer: Multiplexer, views: readonly View[]): readonly Member[] {
  const ignoresMember = (view: View) =>
    view.rules[multiplexer.slot] === undefined || decidesAlone(view, multiplexer) !== undefined;
  if (!views.every(ignoresMember)) return multiplexer.members;
  const seen: (readonly (readonly LoadedRule[] | undefined)[])[] = [];
  return multiplexer.members.filter(({ slot }) => {
    const rules = views.map((view) => view.rules[slot]);
    if (seen.some((others) => others.every((other, at) => other === rules[at]))) return false;
    seen.push(rules);
    return true;
  });
}

/**
 * Reports whether rules with different outcomes overlap once conditions on the first argument are
 * gone.
 */
function clashes(rules: readonly LoadedRule[]): boolean {
  const [first] = rules;
  if (first === undefined || rules.every(({ outcome }) => sameOutcome(outcome, first.outcome))) return false;
  const boxes = rules.map(({ conditions, outcome }) => ({
    box: boxOf(conditions.filter(({ index }) => index !== 0)),
    outcome,
  }));
  return boxes.some((a, index) =>
    boxes.slice(index + 1).some((b) => {
      if (a.box === undefined || b.box === undefined || sameOutcome(a.outcome, b.outcome)) return false;
      return haveCommonCall(a.box, b.box);
    }),
  );
}

/**
 * Reports whether rules with several conditions do not all compare the same arguments; the first
 * one is compared by all.
 */
function isMixed(rules: readonly LoadedRule[]): boolean {
  const [first] = rules;
  if (first === undefined) return false;
  const compared = argumentsBeyondFirst(first.conditions);
  return rules.some(({ conditions }) => argumentsBeyondFirst(conditions) !== compared);
}

/** Returns one bit for each argument. */
function argumentsBeyondFirst(conditions: readonly SeccompArg[]): number {
  let compared = 0;
  for (const { index } of conditions) if (index !== 0) compared |= 1 << index;
  return compared;
}

/**
 * Reports whether what is reached is somewhere looser than wanted (or stricter, for a union), or
 * may be.
 */
function breaks(wanted: Decision, reached: Decision, domain: Box, combination: Combination, budget: Budget): boolean {
  const [want, reach] = [levelsOf(wanted), levelsOf(reached)];
  const isLoosened = combination === 'strictest';
  if (isLoosened ? reach.least >= want.most : reach.most <= want.least) return false;
  const found = differences(wanted, reached, domain, budget);
  if (found === undefined) return true;
  return found.some((difference) => directionOf(difference) === (isLoosened ? 'loosened' : 'tightened'));
}

/**
 * Returns every outcome that a call through a multiplexer may have, whatever its first argument.
 */
function outcomesThrough(view: View, multiplexer: Multiplexer): readonly Outcome[] {
  const alone = decidesAlone(view, multiplexer);
  if (alone !== undefined) return [alone];
  const outcomes = [view.byDefault];
  for (const { slot } of [multiplexer, ...multiplexer.members]) {
    for (const { outcome } of view.rules[slot] ?? none) outcomes.push(outcome);
  }
  return outcomes;
}

/**
 * Returns an outcome at least as strict that is not the default, since runtimes add no rules that
 * repeat the default.
 */
export function distinguishStricter(outcome: Outcome, byDefault: Outcome): Outcome | undefined {
  if (!sameOutcome(outcome, byDefault)) return outcome;
  if (outcome.action === 'SCMP_ACT_ERRNO') return otherErrno(outcome);
  return outcome.action === 'SCMP_ACT_KILL_PROCESS' ? undefined : outcomeOf('SCMP_ACT_KILL_PROCESS', undefined);
}

/**
 * Returns an outcome at most as strict that is not the default; LOG, which permits all the same,
 * beside a default of ALLOW.
 */
export function distinguishLaxer(outcome: Outcome, byDefault: Outcome): Outcome {
  if (!sameOutcome(outcome, byDefault)) return outcome;
  if (outcome.action === 'SCMP_ACT_ERRNO') return otherErrno(outcome);
  return outcomeOf(outcome.action === 'SCMP_ACT_ALLOW' ? 'SCMP_ACT_LOG' : 'SCMP_ACT_ALLOW', undefined);
}

function otherErrno(outcome: Outcome): Outcome {
  return sameOutcome(outcome, enosys) ? outcomeOf('SCMP_ACT_ERRNO', undefined) : enosys;
}
