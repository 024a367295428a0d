import { argumentSet } from './argument-set.ts';
import type { Box, Side } from './box.ts';
import { everything } from './box.ts';
import type { SeccompAction, SeccompArg, SeccompProfile, SeccompRule } from './model.ts';
import type { Outcome } from './outcome.ts';
import { loadable, outcomeOf, sameOutcome, stricter, strictness } from './outcome.ts';

/** Calls that share an outcome. */
export interface Region {
  readonly box: Box;
  readonly outcome: Outcome;
}

/**
 * What a profile does with one syscall: the strictest outcome of the regions that the arguments lie in, else `otherwise`.
 * `exact` is false where it is stricter than what it was made of, because the format cannot say more.
 */
export interface Decision {
  readonly regions: readonly Region[];
  readonly otherwise: Outcome;
  readonly exact: boolean;
  /** Whether a condition has a number beyond 32 bits: on 32-bit architectures libseccomp cuts it to its low half. */
  readonly wide: boolean;
}

/** What a profile does with every syscall: those that it names, and all others. */
export interface Meaning {
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly otherwise: Decision;
}

/** A decision that does not look at arguments. */
export function always(outcome: Outcome): Decision {
  return { regions: [], otherwise: outcome, exact: true, wide: false };
}

/** A decision with one outcome in place of all that are as strict, which differ in the error number at most. */
export function withOneErrno({ regions, otherwise, ...decision }: Decision, one: Outcome): Decision {
  const level = strictness(one);
  const change = (outcome: Outcome) => (strictness(outcome) === level ? one : outcome);
  return {
    ...decision,
    regions: regions.map(({ box, outcome }) => ({ box, outcome: change(outcome) })),
    otherwise: change(otherwise),
  };
}

export function decisionOf(meaning: Meaning, syscall: string): Decision {
  return meaning.decisions.get(syscall) ?? meaning.otherwise;
}

/**
 * What a profile means as runc gives it to libseccomp: entries that say the default are not added; the first entry
 * without conditions beats all others of its syscall; conditions on one argument are alternatives, on different
 * ones they are joined. Where conditions of different outcomes overlap libseccomp's choice follows no rule that
 * a profile could rely on: the strictest counts.
 */
export function meaningOf(profile: SeccompProfile): Meaning {
  return readMeaning(profile, (narrow, wide) => unsure(stricter(narrow, wide)));
}

/** The same, for those who want what is permitted anywhere: what is not sure is said laxer, and not stricter. */
export function laxestMeaningOf(profile: SeccompProfile): Meaning {
  return readMeaning(profile, (narrow, wide) => unsure(stricter(narrow, wide) === narrow ? wide : narrow));
}

/** The same, as it is on 64-bit architectures, for those who look at the others apart. */
export function wideMeaningOf(profile: SeccompProfile): Meaning {
  return readMeaning(profile, (_, wide) => ({ ...always(wide), wide: true }));
}

/**
 * @param either what stands for two outcomes of which the first holds on 32-bit architectures and the second on 64-bit ones:
 *   on the former a comparison under a mask without low bits is none, so that its rule decides alone if it is the first to
 *   do so.
 */
function readMeaning(profile: SeccompProfile, either: Either): Meaning {
  const written = outcomeOf(profile.defaultAction, profile.defaultErrnoRet);
  const byDefault = loadable(written);
  const decisions = new Map<string, Decision>();
  const constants = new Map<SeccompAction, Decision>();
  const conditional = new Map<string, Conditions>();
  for (const rule of profile.syscalls ?? []) {
    const said = outcomeOf(rule.action, rule.errnoRet);
    if (sameOutcome(said, written)) continue;
    const outcome = loadable(said);
    const regions = regionsOf(rule, outcome);
    if (regions === 'all') {
      // Entries that say the same share a decision, so that it is combined and written once.
      const known = constants.get(outcome.action);
      const decision = known !== undefined && sameOutcome(known.otherwise, outcome) ? known : always(outcome);
      constants.set(outcome.action, decision);
      for (const name of rule.names) {
        if (decisions.has(name)) continue;
        const cut = conditional.get(name)?.cut ?? outcome;
        decisions.set(name, sameOutcome(cut, outcome) ? decision : either(cut, outcome));
      }
    } else {
      const { args = [] } = rule;
      const cut = decidesWhenCut(args) ? outcome : undefined;
      addConditions(conditional, rule.names, { regions, wide: args.some(isWideCondition), cut });
    }
  }
  const known = new Map<Conditions, Decision>();
  for (const [name, conditions] of conditional) {
    if (decisions.has(name)) continue;
    const decision = known.get(conditions) ?? decisionUnder(conditions, byDefault, either);
    known.set(conditions, decision);
    decisions.set(name, decision);
  }
  return { decisions, otherwise: always(byDefault) };
}

/** The regions of an entry, after those of the entries before it; syscalls that the same entries name share the list. */
interface Conditions {
  readonly before: Conditions | undefined;
  readonly regions: readonly Region[];
  readonly wide: boolean;
  /** What the first entry says of which 32-bit architectures leave no conditions. */
  readonly cut: Outcome | undefined;
}

function addConditions(
  conditional: Map<string, Conditions>,
  names: readonly string[],
  added: Omit<Conditions, 'before'>,
): void {
  const only = names.length === 1 ? names[0] : undefined;
  if (only !== undefined) {
    const before = conditional.get(only);
    conditional.set(only, after(before, added));
    return;
  }
  const extended = new Map<Conditions | undefined, Conditions>();
  for (const name of names) {
    const before = conditional.get(name);
    const known = extended.get(before);
    const conditions = known ?? after(before, added);
    if (known === undefined) extended.set(before, conditions);
    conditional.set(name, conditions);
  }
}

function after(before: Conditions | undefined, added: Omit<Conditions, 'before'>): Conditions {
  const { regions, wide, cut } = added;
  return { before, regions, wide: wide || (before?.wide ?? false), cut: before?.cut ?? cut };
}

type Either = (narrow: Outcome, wide: Outcome) => Decision;

function decisionUnder(conditions: Conditions, byDefault: Outcome, either: Either): Decision {
  const lists: (readonly Region[])[] = [];
  for (let at: Conditions | undefined = conditions; at !== undefined; at = at.before) lists.push(at.regions);
  const regions = joinExceptions(lists.reverse().flat());
  const settled = settle(regions, byDefault);
  const { otherwise } = settled;
  const { cut = otherwise, wide } = conditions;
  if (settled.regions.length === 0 && !sameOutcome(cut, otherwise)) return either(cut, otherwise);
  return { ...settled, exact: true, wide };
}

/** A decision that holds on machines of some kinds, and is not what the profile says on others. */
function unsure(outcome: Outcome): Decision {
  return { ...always(outcome), exact: false };
}

/** The calls that a rule matches: `all`, or regions with its outcome. */
function regionsOf(rule: SeccompRule, outcome: Outcome): readonly Region[] | 'all' {
  const args = rule.args ?? [];
  // libseccomp leaves out a comparison under an empty mask, so that such a rule has no conditions either.
  if (args.every(hasEmptyMask)) return 'all';
  if (namesTwice(args)) return args.some(hasEmptyMask) ? 'all' : alternativesOf(args, outcome);
  const box = boxOf(args);
  return box === undefined ? [] : [{ box, outcome }];
}

function hasEmptyMask({ op, value }: SeccompArg): boolean {
  return op === 'SCMP_CMP_MASKED_EQ' && value === 0n;
}

/** Whether an entry has no conditions where only the low halves of numbers are compared; see regionsOf. */
function decidesWhenCut(args: readonly SeccompArg[]): boolean {
  const vanishes = ({ op, value }: SeccompArg) => op === 'SCMP_CMP_MASKED_EQ' && (value & 0xffff_ffffn) === 0n;
  return namesTwice(args) ? args.some(vanishes) : args.every(vanishes);
}

/** A region for each condition by itself. */
function alternativesOf(conditions: readonly SeccompArg[], outcome: Outcome): readonly Region[] {
  const regions: Region[] = [];
  for (const arg of conditions) {
    const set = argumentSet(arg);
    if (set !== 'none') regions.push({ box: set === undefined ? [] : [{ index: arg.index, set }], outcome });
  }
  return regions;
}

function namesTwice(args: readonly SeccompArg[]): boolean {
  let seen = 0;
  for (const { index } of args) {
    const bit = 1 << index;
    if ((seen & bit) !== 0) return true;
    seen |= bit;
  }
  return false;
}

/** The calls that meet all conditions, which name different arguments; undefined if there are none. */
export function boxOf(conditions: readonly SeccompArg[]): Box | undefined {
  // Thousands of these are made: a list that grows, and each sorting, would take several times as much.
  const box = new Array<Side>(conditions.length);
  let length = 0;
  let inOrder = true;
  for (const arg of conditions) {
    const set = argumentSet(arg);
    if (set === 'none') return undefined;
    if (set === undefined) continue;
    inOrder &&= length === 0 || (box[length - 1] as Side).index < arg.index;
    box[length] = { index: arg.index, set };
    length += 1;
  }
  box.length = length;
  return inOrder ? box : box.sort((a, b) => a.index - b.index);
}

/** Where conditions hold for all arguments, the default never does, nor anything laxer. */
export function settle(regions: readonly Region[], byDefault: Outcome): Pick<Decision, 'regions' | 'otherwise'> {
  const whole = regions.filter(({ box }) => box.length === 0).map(({ outcome }) => outcome);
  if (whole.length === 0) return { regions, otherwise: byDefault };
  const otherwise = whole.reduce(stricter);
  const level = strictness(otherwise);
  const since = regions.findIndex(({ box, outcome }) => box.length === 0 && sameOutcome(outcome, otherwise));
  const counts = ({ box, outcome }: Region, index: number) =>
    box.length > 0 && (strictness(outcome) > level || (strictness(outcome) === level && index < since));
  return { regions: regions.filter(counts), otherwise };
}

/** Regions that leave out one value each of the same argument together leave out none. */
function joinExceptions(regions: readonly Region[]): readonly Region[] {
  if (!regions.some(isException)) return regions;
  const excepted = new Map<string, bigint>();
  const joined = new Set<Outcome>();
  const keyOf = ({ box, outcome }: Region) => {
    const [side] = box;
    // Beyond 32 bits two values may be one where they are cut.
    if (box.length > 1 || side?.set.form !== 'except' || side.set.value > 0xffff_ffffn) return undefined;
    return { key: `${side.index} ${outcome.action} ${outcome.errno ?? ''}`, value: side.set.value };
  };
  for (const region of regions) {
    const found = keyOf(region);
    if (found === undefined) continue;
    const other = excepted.get(found.key);
    if (other !== undefined && other !== found.value) joined.add(region.outcome);
    excepted.set(found.key, found.value);
  }
  if (joined.size === 0) return regions;
  // The first region of an outcome stands for all of it, so that the order of outcomes stays.
  const done: Outcome[] = [];
  return regions.flatMap((region) => {
    const { outcome } = region;
    if (![...joined].some((whole) => sameOutcome(whole, outcome))) return [region];
    if (done.some((whole) => sameOutcome(whole, outcome))) return [];
    done.push(outcome);
    return [{ box: everything, outcome }];
  });
}

function isException({ box }: Region): boolean {
  return box.length === 1 && box[0]?.set.form === 'except';
}

function isWideCondition({ op, value, valueTwo = 0n }: SeccompArg): boolean {
  return (op === 'SCMP_CMP_MASKED_EQ' ? valueTwo & value : value) > 0xffff_ffffn;
}
