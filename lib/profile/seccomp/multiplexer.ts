import { argumentSet, containsValue } from './argument-set.ts';
import type { Box } from './box.ts';
import { domainOf, haveCommonCall } from './box.ts';
import type { Budget } from './budget.ts';
import { differences, directionOf } from './compare.ts';
import type { EncodedRule, Encoding } from './encode.ts';
import { loadedRules, lowHalf } from './load-cost.ts';
import type { LoadDoubt, LoadedRule } from './loaded-rule.ts';
import type { Decision, Region } from './meaning.ts';
import { always, boxOf, settle } from './meaning.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';
import type { Outcome } from './outcome.ts';
import { enosys, laxer, loadable, outcomeOf, sameOutcome, stricter, strictness } from './outcome.ts';
import { architectures as knownArchitectures } from './vocabulary.ts';

/** Architectures on which libseccomp knows one syscall that stands for many. */
const multiplexing: ReadonlySet<string> = new Set(
  ['X86', 'S390', 'S390X', 'PPC', 'PPC64', 'PPC64LE', 'MIPS', 'MIPSEL', 'M68K', 'SH', 'SHEB'].map(
    (name) => `SCMP_ARCH_${name}`,
  ),
);

/** Each such syscall with those that it stands for, and their numbers in its first argument (socketcall(2), ipc(2)). */
const multiplexers: ReadonlyMap<string, ReadonlyMap<string, bigint>> = new Map([
  [
    'socketcall',
    numbered([
      ...['socket', 'bind', 'connect', 'listen', 'accept', 'getsockname', 'getpeername', 'socketpair', 'send', 'recv'],
      ...['sendto', 'recvfrom', 'shutdown', 'setsockopt', 'getsockopt', 'sendmsg', 'recvmsg', 'accept4', 'recvmmsg'],
      ...['sendmmsg'],
    ]),
  ],
  [
    'ipc',
    new Map([
      ...numbered(['semop', 'semget', 'semctl', 'semtimedop']),
      ...numbered(['msgsnd', 'msgrcv', 'msgget', 'msgctl'], 11n),
      ...numbered(['shmat', 'shmdt', 'shmget', 'shmctl'], 21n),
    ]),
  ],
]);

function numbered(names: readonly string[], first = 1n): ReadonlyMap<string, bigint> {
  return new Map(names.map((name, index) => [name, first + BigInt(index)]));
}

const involved: ReadonlySet<string> = new Set(
  [...multiplexers].flatMap(([name, members]) => [name, ...members.keys()]),
);

/** Whether an architecture has socketcall and ipc, to which libseccomp adds the rules of what they stand for. */
export function isMultiplexing(architecture: string): boolean {
  return multiplexing.has(architecture);
}

/** Whether a multiplexer stands for the syscall. */
export function isMultiplexed(name: string): boolean {
  return [...multiplexers.values()].some((members) => members.has(name));
}

/** The syscalls whose rules libseccomp adds to a multiplexer too; none for other syscalls. */
export function membersOf(multiplexer: string): readonly string[] {
  return [...(multiplexers.get(multiplexer)?.keys() ?? [])];
}

/** The syscalls whose rules libseccomp adds to a multiplexer with other conditions than some entries have. */
export function reconditioned(entries: readonly SeccompRule[], architectures: readonly string[]): ReadonlySet<string> {
  if (!architectures.some(isMultiplexing)) return new Set();
  const conditional = entries.filter(({ args = [] }) => args.length > 0);
  return new Set(conditional.flatMap(({ names }) => names.filter((name) => involved.has(name))));
}

/** Which of several outcomes a combined profile has, and which direction would break what it promises. */
export type Combination = 'strictest' | 'laxest';

/**
 * Returns the rules for socketcall and ipc that keep a combined profile from being looser than an input
 * of an intersection, or stricter than one of a union, through them.
 *
 * libseccomp adds each rule for `socket` to `socketcall` too, with the member's number in place of
 * conditions on the first argument, unless an unconditional rule for `socketcall` itself decides alone.
 * So rules that are right name by name may be wrong through the multiplexer, and rules with different
 * outcomes may become one, which libseccomp refuses. Then the multiplexer gets one unconditional rule.
 *
 * @param encodings the rules of the combined profile by name.
 * @returns replacements by name.
 */
export function holdMultiplexers(
  architectures: readonly string[],
  inputs: readonly SeccompProfile[],
  encodings: ReadonlyMap<string, Encoding>,
  byDefault: Outcome,
  combination: Combination,
  budget: Budget,
): ReadonlyMap<string, Encoding> {
  const replacements = new Map<string, Encoding>();
  for (const bits of multiplexedWidths(architectures)) {
    const views = inputs.map((profile) => viewOf(profile, bits));
    const result = viewOfEncodings(encodings, byDefault, bits);
    for (const [name, members] of multiplexers) {
      if (!mustHold({ name, members, views, result, domain: domainOf(bits) }, combination, budget)) continue;
      const outcomes = [...views, result].flatMap((view) => outcomesThrough(view, name, members));
      const outcome = outcomes.reduce(combination === 'strictest' ? stricter : laxer);
      const explicit = (combination === 'strictest' ? distinguishStricter : distinguishLaxer)(outcome, byDefault);
      if (explicit !== undefined) replacements.set(name, { rules: [{ args: [], outcome: explicit }], exact: false });
      // Under a default of KILL_PROCESS nothing else is as strict: without rules of their own all fall to it.
      else for (const denied of [name, ...members.keys()]) replacements.set(denied, { rules: [], exact: false });
    }
  }
  return replacements;
}

/** What a profile does with the calls that programs make through socketcall or ipc. */
export interface MultiplexedReading {
  readonly multiplexer: string;
  /** By what the multiplexer stands for. */
  readonly decisions: ReadonlyMap<string, Decision>;
  /** Why it is not sure that libseccomp loads them so. */
  readonly doubt?: LoadDoubt;
}

/**
 * Returns what a profile does with every call through socketcall and ipc on architectures that have
 * these and compare arguments in so many bits.
 */
export function multiplexedReadings(profile: SeccompProfile, bits: 32 | 64): readonly MultiplexedReading[] {
  const view = viewOf(profile, bits);
  return [...multiplexers].map(([multiplexer, members]) => {
    const why = doubtThrough(multiplexer, members, view);
    const outcomes = outcomesThrough(view, multiplexer, members);
    const decisions = [...members].map(([member, number]) => {
      return [member, decisionThrough(view, multiplexer, member, number)] as const;
    });
    return {
      multiplexer,
      decisions: new Map(decisions),
      ...(why !== undefined && { doubt: { why, outcomes, dependsOnOthers: false } }),
    };
  });
}

/** In how many bits the architectures among several that have multiplexers compare arguments. */
export function multiplexedWidths(architectures: readonly string[]): ReadonlySet<32 | 64> {
  return new Set(architectures.filter(isMultiplexing).map((name) => knownArchitectures.get(name)?.bits ?? 32));
}

/** The rules of a profile for multiplexers and their members, as libseccomp gets them. */
interface View {
  readonly rules: ReadonlyMap<string, readonly LoadedRule[]>;
  readonly byDefault: Outcome;
}

function viewOf(profile: SeccompProfile, bits: 32 | 64): View {
  const byDefault = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const rules = new Map<string, LoadedRule[]>();
  for (const { names, action, errnoRet, args } of profile.syscalls ?? []) {
    let loaded: readonly LoadedRule[] | undefined;
    for (const name of names) {
      if (!involved.has(name)) continue;
      loaded ??= loadedAs(args ?? [], outcomeOf(action, errnoRet), byDefault, bits);
      if (loaded.length > 0) append(rules, name, loaded);
    }
  }
  return { rules, byDefault: loadable(byDefault) };
}

function viewOfEncodings(encodings: ReadonlyMap<string, Encoding>, byDefault: Outcome, bits: 32 | 64): View {
  const rules = new Map<string, LoadedRule[]>();
  for (const name of involved) {
    for (const { args, outcome } of encodings.get(name)?.rules ?? []) {
      append(rules, name, loadedAs(args, outcome, byDefault, bits));
    }
  }
  return { rules, byDefault };
}

function append(rules: Map<string, LoadedRule[]>, name: string, added: readonly LoadedRule[]): void {
  const known = rules.get(name);
  if (known === undefined) rules.set(name, [...added]);
  else known.push(...added);
}

function loadedAs(
  args: readonly SeccompArg[],
  outcome: EncodedRule['outcome'],
  byDefault: Outcome,
  bits: 32 | 64,
): readonly LoadedRule[] {
  // Runtimes add no rules that say the default.
  if (sameOutcome(outcome, byDefault)) return [];
  const held = loadable(outcome);
  if (args.length === 0) return [{ conditions: args, outcome: held }];
  const compared = bits === 32 ? args.map(lowHalf) : args;
  return loadedRules(compared).map((conditions) => ({ conditions, outcome: held }));
}

/** The outcome of the unconditional rule that decides for a multiplexer alone. */
function decidesAlone({ rules }: View, multiplexer: string): Outcome | undefined {
  return rules.get(multiplexer)?.find(({ conditions }) => conditions.length === 0)?.outcome;
}

/** What a call of `member` through the multiplexer meets: rules with different outcomes may overlap. */
function decisionThrough(view: View, multiplexer: string, member: string, number: bigint): Decision {
  const alone = decidesAlone(view, multiplexer);
  if (alone !== undefined) return always(alone);
  const own = (view.rules.get(multiplexer) ?? []).filter(({ conditions }) => conditions.every(allows(number)));
  const rules = view.rules.get(member) ?? [];
  const sole = rules.find(({ conditions }) => conditions.length === 0);
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

/** A multiplexer with its members, under the inputs of a combined profile and under the result. */
interface Held {
  readonly name: string;
  readonly members: ReadonlyMap<string, bigint>;
  readonly views: readonly View[];
  readonly result: View;
  readonly domain: Box;
}

function mustHold({ name, members, views, result, domain }: Held, combination: Combination, budget: Budget): boolean {
  if (doubtThrough(name, members, result) !== undefined) return true;
  // All that no rule names are treated alike.
  let unnamed: boolean | undefined;
  for (const [member, number] of members) {
    const isNamed = [...views, result].some((view) => view.rules.has(name) || view.rules.has(member));
    if (!isNamed && unnamed !== undefined) continue;
    const isBroken = views.some((input) => {
      const wanted = levelsThrough(input, name, member);
      const reached = levelsThrough(result, name, member);
      if (combination === 'strictest' ? reached.least >= wanted.most : reached.most <= wanted.least) return false;
      const decisions = [input, result].map((view) => decisionThrough(view, name, member, number));
      return breaks(decisions[0] as Decision, decisions[1] as Decision, domain, combination, budget);
    });
    if (isBroken) return true;
    if (!isNamed) unnamed = false;
  }
  return false;
}

interface Levels {
  readonly least: number;
  readonly most: number;
}

/** How strict a call of `member` through the multiplexer is at least, and at most: never tighter than decisionThrough. */
function levelsThrough(view: View, multiplexer: string, member: string): Levels {
  const alone = decidesAlone(view, multiplexer);
  const own = view.rules.get(multiplexer);
  const rules = view.rules.get(member);
  const sole =
    alone ?? (own === undefined ? rules?.find(({ conditions }) => conditions.length === 0)?.outcome : undefined);
  if (sole !== undefined) return { least: strictness(sole), most: strictness(sole) };
  let least = strictness(view.byDefault);
  let most = least;
  for (const list of [own ?? [], rules ?? []]) {
    for (const { outcome } of list) {
      least = Math.min(least, strictness(outcome));
      most = Math.max(most, strictness(outcome));
    }
  }
  return { least, most };
}

/** Why libseccomp may refuse the rules for a multiplexer, or make something else of them. */
function doubtThrough(multiplexer: string, members: ReadonlyMap<string, bigint>, view: View): string | undefined {
  if (decidesAlone(view, multiplexer) !== undefined) return undefined;
  const ofMembers = [...members.keys()].map((member) => view.rules.get(member) ?? []);
  if (view.rules.has(multiplexer) && ofMembers.some((rules) => rules.length > 0)) {
    return `libseccomp may refuse conditions on ${multiplexer} beside rules for what it stands for`;
  }
  if (ofMembers.some(clashes))
    return `libseccomp adds these rules to ${multiplexer} too, where they contradict each other`;
  return isMixed(ofMembers.flat()) ? `libseccomp may join these rules wrongly in ${multiplexer}` : undefined;
}

/** Whether rules with different outcomes overlap once conditions on the first argument are gone. */
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

/** Whether rules with several conditions do not all compare the same arguments; the first one is compared by all. */
function isMixed(rules: readonly LoadedRule[]): boolean {
  const compared = new Set(rules.map(({ conditions }) => argumentsBeyondFirst(conditions)));
  return compared.size > 1;
}

function argumentsBeyondFirst(conditions: readonly SeccompArg[]): string {
  const indexes = conditions.map(({ index }) => index).filter((index) => index !== 0);
  return [...new Set(indexes)].sort().join();
}

/** Whether what is reached is somewhere looser than wanted (or stricter, for a union), or may be. */
function breaks(wanted: Decision, reached: Decision, domain: Box, combination: Combination, budget: Budget): boolean {
  const found = differences(wanted, reached, domain, budget);
  if (found === undefined) return true;
  const wrong = combination === 'strictest' ? 'loosened' : 'tightened';
  return found.some((difference) => directionOf(difference) === wrong);
}

/** Every outcome that a call through a multiplexer may have, whatever its first argument. */
function outcomesThrough(view: View, multiplexer: string, members: ReadonlyMap<string, bigint>): readonly Outcome[] {
  const alone = decidesAlone(view, multiplexer);
  if (alone !== undefined) return [alone];
  const rules = [multiplexer, ...members.keys()].flatMap((name) => view.rules.get(name) ?? []);
  return [view.byDefault, ...rules.map(({ outcome }) => outcome)];
}

/** An outcome at least as strict that is not the default, since runtimes add no rules that say the default. */
export function distinguishStricter(outcome: Outcome, byDefault: Outcome): Outcome | undefined {
  if (!sameOutcome(outcome, byDefault)) return outcome;
  if (outcome.action === 'SCMP_ACT_ERRNO') return otherErrno(outcome);
  return outcome.action === 'SCMP_ACT_KILL_PROCESS' ? undefined : outcomeOf('SCMP_ACT_KILL_PROCESS', undefined);
}

/** An outcome at most as strict that is not the default; LOG, which permits all the same, beside a default of ALLOW. */
export function distinguishLaxer(outcome: Outcome, byDefault: Outcome): Outcome {
  if (!sameOutcome(outcome, byDefault)) return outcome;
  if (outcome.action === 'SCMP_ACT_ERRNO') return otherErrno(outcome);
  return outcomeOf(outcome.action === 'SCMP_ACT_ALLOW' ? 'SCMP_ACT_LOG' : 'SCMP_ACT_ALLOW', undefined);
}

function otherErrno(outcome: Outcome): Outcome {
  return sameOutcome(outcome, enosys) ? outcomeOf('SCMP_ACT_ERRNO', undefined) : enosys;
}
