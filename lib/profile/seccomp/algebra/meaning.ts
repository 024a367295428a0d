import type { SeccompAction, SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { slotOf } from '../tables/multiplexed-names.ts';
import { isKnownSyscallId, SyscallIds } from '../tables/syscall-ids.ts';
import { argumentSet } from './argument-set.ts';
import type { Box, Side } from './box.ts';
import { everything } from './box.ts';
import type { Outcome } from './outcome.ts';
import { loadable, outcomeOf, sameOutcome, stricter, strictness } from './outcome.ts';

const word = 0xffff_ffffn;

/** Calls that share an outcome. */
export interface Region {
  readonly box: Box;
  readonly outcome: Outcome;
}

/**
 * What a profile does with one syscall: the strictest outcome of the regions that the arguments lie
 * in, else `otherwise`. `exact` is false if it is stricter than what it was made of, because the
 * format cannot express more.
 */
export interface Decision {
  readonly regions: readonly Region[];
  readonly otherwise: Outcome;
  readonly exact: boolean;
  /**
   * Whether a condition has a number beyond 32 bits: on 32-bit architectures libseccomp cuts it to
   * its low half.
   */
  readonly wide: boolean;
}

/** What a profile does with every syscall: those that it names, and all others. */
export interface Meaning {
  readonly decisions: ReadonlyMap<string, Decision>;
  readonly otherwise: Decision;
}

/** Returns a decision that does not look at arguments. */
export function always(outcome: Outcome): Decision {
  return { regions: [], otherwise: outcome, exact: true, wide: false };
}

/**
 * Returns a decision with one outcome in place of all that are as strict, which differ in the error
 * number at most.
 */
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

/** Returns the decision about a syscall by its number. */
export function decisionAbout(id: number, { places, distinct, otherwise }: NumberedMeaning): Decision {
  const place = places[id];
  return (place === undefined ? undefined : distinct[place]) ?? otherwise;
}

/** Returns how strict a decision is at least, and at most. */
export function levelsOf({ regions, otherwise }: Decision): { readonly least: number; readonly most: number } {
  let least = strictness(otherwise);
  let most = least;
  for (const { outcome } of regions) {
    const level = strictness(outcome);
    if (level < least) least = level;
    if (level > most) most = level;
  }
  return { least, most };
}

/**
 * Returns what a profile means as runc passes it to libseccomp: entries that repeat the default are
 * not added; the first entry without conditions beats all others of its syscall; conditions on one
 * argument are alternatives, on different ones they are joined. Where conditions of different
 * outcomes overlap libseccomp's choice follows no rule that a profile could rely on: the strictest
 * counts.
 */
export function meaningOf(profile: SeccompProfile): Meaning {
  return named(profile, strictestOfBoth);
}

/**
 * Returns the same, as it is on 64-bit architectures, for callers that handle the others
 * separately.
 */
export function wideMeaningOf(profile: SeccompProfile): Meaning {
  return named(profile, (_, wide) => ({ ...always(wide), wide: true }));
}

/**
 * Returns the stricter outcome where 32-bit and 64-bit architectures differ, as an intersection
 * needs it.
 */
export function strictestOfBoth(narrow: Outcome, wide: Outcome): Decision {
  return unsure(stricter(narrow, wide));
}

/** Returns the laxer outcome where 32-bit and 64-bit architectures differ, as a union needs it. */
export function laxestOfBoth(narrow: Outcome, wide: Outcome): Decision {
  return unsure(stricter(narrow, wide) === narrow ? wide : narrow);
}

function named(profile: SeccompProfile, either: Either): Meaning {
  const ids = new SyscallIds();
  const { order, places, distinct, otherwise } = readMeaning(profile, ids, either);
  const decisions = new Map<string, Decision>();
  for (const id of order) decisions.set(ids.nameOf(id), distinct[places[id] as number] as Decision);
  return { decisions, otherwise };
}

/** A meaning by the numbers of syscalls. */
export interface NumberedMeaning {
  /** The numbers of the syscalls that the profile names, those without conditions first. */
  readonly order: readonly number[];
  /** For each of these numbers the place of its decision among the distinct ones. */
  readonly places: readonly (number | undefined)[];
  readonly distinct: readonly Decision[];
  readonly otherwise: Decision;
  /**
   * The entries with another outcome than the default for socketcall, ipc and their members, in
   * their order.
   */
  readonly multiplexed: readonly MultiplexedRule[];
}

/** An entry for a multiplexer or for what one stands for, and which of these it is. */
export interface MultiplexedRule {
  readonly slot: number;
  readonly rule: SeccompRule;
}

/**
 * Reads what a profile means, see meaningOf, by the numbers of syscalls; those of new names are
 * added to `ids`.
 *
 * @param either what stands for two outcomes of which the first holds on 32-bit architectures and
 * the second on 64-bit ones: on the former a comparison under a mask without low bits is no
 * condition, so that its rule decides alone if it is the first to do so.
 */
export function readMeaning(profile: SeccompProfile, ids: SyscallIds, either: Either): NumberedMeaning {
  const reader = new MeaningReader(outcomeOf(profile.defaultAction, profile.defaultErrnoRet), ids, either);
  for (const rule of profile.syscalls ?? []) reader.add(rule);
  return reader.end();
}

/** Larger meanings are not kept: 512 decisions and conditions take half a MiB at most. */
const mostKept = 512;

/**
 * The meanings of profiles that were intersected, which go with their profiles. They hold for every
 * SyscallIds: profiles never change, and known syscalls have the same numbers in all of them; a
 * meaning with other syscalls is not kept.
 */
const kept = new WeakMap<SeccompProfile, NumberedMeaning>();

/**
 * Reads what a profile means for an intersection; see readMeaning. A profile that is merged again
 * is read once: a node has the same baseline for all containers, and one artifact for several.
 */
export function strictestMeaning(profile: SeccompProfile, ids: SyscallIds): NumberedMeaning {
  const known = kept.get(profile);
  if (known !== undefined) return known;
  const meaning = readMeaning(profile, ids, strictestOfBoth);
  if (sizeOf(meaning) <= mostKept && meaning.order.every(isKnownSyscallId)) kept.set(profile, meaning);
  return meaning;
}

/** How many decisions, conditions and multiplexed entries a meaning has. */
function sizeOf({ distinct, multiplexed }: NumberedMeaning): number {
  return distinct.reduce((sum, { regions }) => sum + 1 + regions.length, multiplexed.length);
}

class MeaningReader {
  readonly #written: Outcome;
  readonly #ids: SyscallIds;
  readonly #either: Either;
  readonly #distinct: Decision[] = [];
  readonly #order: number[] = [];
  readonly #places: (number | undefined)[];
  readonly #conditional: (Conditions | undefined)[];
  readonly #conditionalOrder: number[] = [];
  readonly #constants = new Map<SeccompAction, number>();
  readonly #multiplexed: MultiplexedRule[] = [];

  /** @param written the default as it is written, which libseccomp may not take; see loadable. */
  constructor(written: Outcome, ids: SyscallIds, either: Either) {
    this.#written = written;
    this.#ids = ids;
    this.#either = either;
    this.#places = new Array(ids.size);
    this.#conditional = new Array(ids.size);
  }

  add(rule: SeccompRule): void {
    const said = outcomeOf(rule.action, rule.errnoRet);
    if (sameOutcome(said, this.#written)) return;
    const outcome = loadable(said);
    const regions = regionsOf(rule, outcome);
    if (regions === 'all') this.#addUnconditional(rule, outcome);
    else this.#addConditional(rule, regions, outcome);
  }

  end(): NumberedMeaning {
    const byDefault = loadable(this.#written);
    for (const id of this.#conditionalOrder) {
      if (this.#places[id] !== undefined) continue;
      const conditions = this.#conditional[id] as Conditions;
      conditions.place ??= this.#distinct.push(decisionUnder(conditions, byDefault, this.#either)) - 1;
      this.#places[id] = conditions.place;
      this.#order.push(id);
    }
    return {
      order: this.#order,
      places: this.#places,
      distinct: this.#distinct,
      otherwise: always(byDefault),
      multiplexed: this.#multiplexed,
    };
  }

  #addUnconditional(rule: SeccompRule, outcome: Outcome): void {
    const place = this.#placeOf(outcome);
    for (const name of rule.names) {
      const id = this.#idOf(name, rule);
      if (this.#places[id] !== undefined) continue;
      const cut = this.#conditional[id]?.cut ?? outcome;
      const isCertain = sameOutcome(cut, outcome);
      this.#places[id] = isCertain ? place : this.#distinct.push(this.#either(cut, outcome)) - 1;
      this.#order.push(id);
    }
  }

  #addConditional(rule: SeccompRule, regions: readonly Region[], outcome: Outcome): void {
    const { names, args = [] } = rule;
    const isWide = args.some(isWideCondition);
    const cut = decidesWhenCut(args) ? outcome : undefined;
    const extended = names.length === 1 ? undefined : new Map<Conditions | undefined, Conditions>();
    for (const name of names) {
      const id = this.#idOf(name, rule);
      const before = this.#conditional[id];
      if (before === undefined) this.#conditionalOrder.push(id);
      const known = extended?.get(before);
      const conditions: Conditions = known ?? {
        before,
        regions,
        wide: isWide || (before?.wide ?? false),
        cut: before?.cut ?? cut,
        place: undefined,
      };
      if (known === undefined) extended?.set(before, conditions);
      this.#conditional[id] = conditions;
    }
  }

  /** Entries with one outcome share a decision, so that it is combined and written once. */
  #placeOf(outcome: Outcome): number {
    const known = this.#constants.get(outcome.action);
    if (known !== undefined && sameOutcome((this.#distinct[known] as Decision).otherwise, outcome)) return known;
    const place = this.#distinct.push(always(outcome)) - 1;
    this.#constants.set(outcome.action, place);
    return place;
  }

  #idOf(name: string, rule: SeccompRule): number {
    const id = this.#ids.idOf(name);
    const slot = slotOf(id);
    if (slot !== undefined) this.#multiplexed.push({ slot, rule });
    return id;
  }
}

/**
 * The regions of an entry, after those of the entries before it; syscalls that the same entries
 * name share the list.
 */
interface Conditions {
  readonly before: Conditions | undefined;
  readonly regions: readonly Region[];
  readonly wide: boolean;
  /** The outcome of the first entry of which 32-bit architectures leave no conditions. */
  readonly cut: Outcome | undefined;
  /** Where what they come to lies, once it was asked for. */
  place: number | undefined;
}

type Either = (narrow: Outcome, wide: Outcome) => Decision;

function decisionUnder(conditions: Conditions, byDefault: Outcome, either: Either): Decision {
  const { regions, otherwise } = settle(joinExceptions(allRegions(conditions)), byDefault);
  const { cut = otherwise, wide } = conditions;
  if (regions.length === 0 && !sameOutcome(cut, otherwise)) return either(cut, otherwise);
  return { regions, otherwise, exact: true, wide };
}

function allRegions(conditions: Conditions): readonly Region[] {
  if (conditions.before === undefined) return conditions.regions;
  let length = 0;
  for (let at: Conditions | undefined = conditions; at !== undefined; at = at.before) length += at.regions.length;
  const regions = new Array<Region>(length);
  for (let at: Conditions | undefined = conditions; at !== undefined; at = at.before) {
    length -= at.regions.length;
    for (let index = 0; index < at.regions.length; index += 1) regions[length + index] = at.regions[index] as Region;
  }
  return regions;
}

/**
 * Returns a decision that holds on machines of some kinds, and differs from the profile on others.
 */
function unsure(outcome: Outcome): Decision {
  return { ...always(outcome), exact: false };
}

/** Returns the calls that a rule matches: `all`, or regions with its outcome. */
function regionsOf(rule: SeccompRule, outcome: Outcome): readonly Region[] | 'all' {
  const { args } = rule;
  // libseccomp leaves out a comparison under an empty mask, so that such a rule has no conditions
  // either.
  if (args === undefined || args.every(hasEmptyMask)) return 'all';
  if (namesTwice(args)) return args.some(hasEmptyMask) ? 'all' : alternativesOf(args, outcome);
  const box = boxOf(args);
  return box === undefined ? [] : [{ box, outcome }];
}

function hasEmptyMask({ op, value }: SeccompArg): boolean {
  return op === 'SCMP_CMP_MASKED_EQ' && value === 0n;
}

/**
 * Reports whether an entry has no conditions if only the low halves of numbers are compared; see
 * regionsOf.
 */
function decidesWhenCut(args: readonly SeccompArg[]): boolean {
  return namesTwice(args) ? args.some(vanishesWhenCut) : args.every(vanishesWhenCut);
}

function vanishesWhenCut({ op, value }: SeccompArg): boolean {
  return op === 'SCMP_CMP_MASKED_EQ' && (value & word) === 0n;
}

/** Returns a region for each condition by itself. */
function alternativesOf(conditions: readonly SeccompArg[], outcome: Outcome): readonly Region[] {
  const regions: Region[] = [];
  for (const arg of conditions) {
    const set = argumentSet(arg);
    if (set !== 'none') regions.push({ box: set === undefined ? [] : [{ index: arg.index, set }], outcome });
  }
  return regions;
}

/**
 * Reports whether two conditions are on the same argument, which makes all of an entry's conditions
 * alternatives.
 */
export function namesTwice(args: readonly SeccompArg[]): boolean {
  if (args.length < 2) return false;
  let seen = 0;
  for (const { index } of args) {
    const bit = 1 << index;
    if ((seen & bit) !== 0) return true;
    seen |= bit;
  }
  return false;
}

/**
 * Returns the calls that meet all conditions, which name different arguments; undefined if no call
 * does.
 */
export function boxOf(conditions: readonly SeccompArg[]): Box | undefined {
  const [only] = conditions;
  if (only !== undefined && conditions.length === 1) {
    const set = argumentSet(only);
    return set === 'none' ? undefined : set === undefined ? everything : [{ index: only.index, set }];
  }
  // Thousands of these are made: a list that grows, and each sorting, would take several times as
  // much.
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
  if (length < box.length) box.length = length;
  return inOrder ? box : box.sort((a, b) => a.index - b.index);
}

/**
 * Returns regions and what holds otherwise: if conditions hold for all arguments, the default never
 * does, nor anything laxer.
 */
export function settle(regions: readonly Region[], byDefault: Outcome): Pick<Decision, 'regions' | 'otherwise'> {
  return regions.some(isEverything) ? settleWhole(regions) : { regions, otherwise: byDefault };
}

function isEverything({ box }: Region): boolean {
  return box.length === 0;
}

function settleWhole(regions: readonly Region[]): Pick<Decision, 'regions' | 'otherwise'> {
  const whole = regions.filter(isEverything).map(({ outcome }) => outcome);
  const otherwise = whole.reduce(stricter);
  const level = strictness(otherwise);
  const since = regions.findIndex(({ box, outcome }) => box.length === 0 && sameOutcome(outcome, otherwise));
  const counts = ({ box, outcome }: Region, index: number) =>
    box.length > 0 && (strictness(outcome) > level || (strictness(outcome) === level && index < since));
  return { regions: regions.filter(counts), otherwise };
}

/**
 * Returns regions in which those that leave out one value each of the same argument are joined:
 * together they leave out none.
 */
function joinExceptions(regions: readonly Region[]): readonly Region[] {
  return regions.some(isException) ? withoutExceptions(regions) : regions;
}

function withoutExceptions(regions: readonly Region[]): readonly Region[] {
  const excepted = new Map<string, bigint>();
  const joined = new Set<Outcome>();
  const keyOf = ({ box, outcome }: Region) => {
    const [side] = box;
    // Beyond 32 bits two values may be one if they are cut.
    if (box.length > 1 || side?.set.form !== 'except' || side.set.value > word) return undefined;
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
  // The first region of an outcome represents all of it, so that the order of outcomes stays.
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
  return value > word && (op !== 'SCMP_CMP_MASKED_EQ' || (valueTwo & value) > word);
}
