import { argumentSet, containsValue } from '../algebra/argument-set.ts';
import { haveCommonCall } from '../algebra/box.ts';
import type { Decision, Region } from '../algebra/decision.ts';
import { always, settle } from '../algebra/decision.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { loadable, outcomeOf, sameOutcome } from '../algebra/outcome.ts';
import type { NumberedMeaning } from '../algebra/read-meaning.ts';
import { boxOf } from '../algebra/rule-regions.ts';
import type { SeccompArg, SeccompRule } from '../model.ts';
import type { Member, Multiplexer } from '../tables/multiplexed-names.ts';
import { involved } from '../tables/multiplexed-names.ts';
import type { Encoding } from './encoding.ts';
import { loadedRules, lowHalf } from './load-cost.ts';
import type { LoadedRule } from './loaded-rule.ts';

const none: readonly LoadedRule[] = [];

/**
 * The rules of a profile for multiplexers and their members, by their slots, as libseccomp gets
 * them.
 */
export interface MultiplexerView {
  readonly rules: readonly (readonly LoadedRule[] | undefined)[];
  readonly byDefault: Outcome;
}

/** Returns the view of an input, on architectures that compare arguments in `bits` bits. */
export function viewOf({ multiplexed, otherwise }: NumberedMeaning, bits: 32 | 64): MultiplexerView {
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
export function bothReadings(
  view: MultiplexerView,
  { multiplexed }: NumberedMeaning,
  either: (loaded: Outcome, written: Outcome) => Outcome,
): MultiplexerView {
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

/** Returns the view of a combined profile, by its rules by the numbers of syscalls. */
export function viewOfResult(
  encodings: readonly (Encoding | undefined)[],
  byDefault: Outcome,
  bits: 32 | 64,
): MultiplexerView {
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
export function decidesAlone({ rules }: MultiplexerView, { slot }: Multiplexer): Outcome | undefined {
  return rules[slot]?.find(isUnconditional)?.outcome;
}

function isUnconditional({ conditions }: LoadedRule): boolean {
  return conditions.length === 0;
}

/**
 * Returns what a call of `member` through the multiplexer meets: rules with different outcomes may
 * overlap.
 */
export function decisionThrough(view: MultiplexerView, multiplexer: Multiplexer, member: Member): Decision {
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

/**
 * Returns every outcome that a call through a multiplexer may have, whatever its first argument.
 */
export function outcomesThrough(view: MultiplexerView, multiplexer: Multiplexer): readonly Outcome[] {
  const alone = decidesAlone(view, multiplexer);
  if (alone !== undefined) return [alone];
  const outcomes = [view.byDefault];
  for (const { slot } of [multiplexer, ...multiplexer.members]) {
    for (const { outcome } of view.rules[slot] ?? none) outcomes.push(outcome);
  }
  return outcomes;
}

/**
 * Returns why libseccomp may refuse the rules for a multiplexer, or load them otherwise than
 * written.
 */
export function doubtThrough(multiplexer: Multiplexer, view: MultiplexerView): string | undefined {
  if (decidesAlone(view, multiplexer) !== undefined) return undefined;
  const { name, members } = multiplexer;
  if (hasConditionsBesideMembers(multiplexer, view)) {
    return `libseccomp may refuse conditions on ${name} beside rules for what it stands for`;
  }
  const ofMembers = [...new Set(members.map((member) => view.rules[member.slot] ?? none))];
  if (ofMembers.some(clashes)) return `libseccomp adds these rules to ${name} too, where they contradict each other`;
  return isMixed(ofMembers.flat()) ? `libseccomp may join these rules wrongly in ${name}` : undefined;
}

/** Reports whether a multiplexer has conditional rules of its own beside rules for its members. */
export function hasConditionsBesideMembers(multiplexer: Multiplexer, view: MultiplexerView): boolean {
  if (view.rules[multiplexer.slot] === undefined || decidesAlone(view, multiplexer) !== undefined) return false;
  return multiplexer.members.some(({ slot }) => (view.rules[slot] ?? none).length > 0);
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
