import type { SeccompAction, SeccompProfile, SeccompRule } from '../model.ts';
import { slotOf } from '../tables/multiplexed-names.ts';
import type { SyscallIds } from '../tables/syscall-ids.ts';
import { everything } from './box.ts';
import type { Decision, Region } from './decision.ts';
import { always, settle } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { loadable, outcomeOf, sameOutcome } from './outcome.ts';
import { decidesWhenCut, isWideCondition, regionsOf, word } from './rule-regions.ts';

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

export type Either = (narrow: Outcome, wide: Outcome) => Decision;

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
