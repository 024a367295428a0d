import type { Box } from '../algebra/box.ts';
import { domainOf } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { differences, directionOf } from '../algebra/compare.ts';
import type { Decision } from '../algebra/decision.ts';
import { levelsOf } from '../algebra/decision.ts';
import { strictestOfBoth } from '../algebra/meaning.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { enosys, laxer, outcomeOf, sameOutcome, stricter, strictness } from '../algebra/outcome.ts';
import type { NumberedMeaning } from '../algebra/read-meaning.ts';
import { readMeaning } from '../algebra/read-meaning.ts';
import type { SeccompProfile, SeccompRule } from '../model.ts';
import type { Member, Multiplexer } from '../tables/multiplexed-names.ts';
import { involved, isMultiplexing, multiplexers } from '../tables/multiplexed-names.ts';
import { SyscallIds } from '../tables/syscall-ids.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';
import type { Encoding } from './encoding.ts';
import type { LoadDoubt, LoadedRule } from './loaded-rule.ts';
import {
  bothReadings,
  decidesAlone,
  decisionThrough,
  doubtThrough,
  hasConditionsBesideMembers,
  type MultiplexerView,
  outcomesThrough,
  viewOf,
  viewOfResult,
} from './multiplexer-view.ts';

const involvedNames: ReadonlySet<string> = new Set(involved.map(({ name }) => name));

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

/** A multiplexer with what the inputs of a combined profile, and the result, do with it. */
interface Held {
  readonly multiplexer: Multiplexer;
  readonly views: readonly MultiplexerView[];
  readonly result: MultiplexerView;
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
 * Returns the members of a multiplexer without those for which all views have the same rules as for
 * another.
 */
function differentMembers(multiplexer: Multiplexer, views: readonly MultiplexerView[]): readonly Member[] {
  const ignoresMember = (view: MultiplexerView) =>
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
