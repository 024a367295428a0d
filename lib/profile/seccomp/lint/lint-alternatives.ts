import type { Finding } from '../../finding.ts';
import { argumentSet, intersectSets } from '../algebra/argument-set.ts';
import type { Box } from '../algebra/box.ts';
import { everything } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { orTooMuch, spend } from '../algebra/budget.ts';
import { alternatives } from '../algebra/describe.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { describeOutcome, outcomeOf, sameOutcome } from '../algebra/outcome.ts';
import { subtractBoxes } from '../algebra/regions.ts';
import { boxOf } from '../algebra/rule-regions.ts';
import { loadedRules } from '../libseccomp/load-cost.ts';
import type { SeccompArg, SeccompRule } from '../model.ts';

/** The conditional entries of one syscall with their places in the profile. */
interface PlacedEntries {
  readonly rules: readonly SeccompRule[];
  readonly places: readonly number[];
  /** Whether an entry without conditions decides instead. */
  readonly isOver: boolean;
}

/** Steps for all syscalls together; a profile in use takes some hundreds. */
const steps = 500_000;

/** At most this many syscalls of one finding are named. */
const shownNames = 4;

/** A finding about some entries, whichever syscalls they name. */
interface Remark {
  readonly code: 'always-matches' | 'alternative-conditions';
  readonly place: number;
  readonly text: string;
}

/**
 * Returns the findings about entries that match more than they seem to. Runtimes add an entry that
 * names an argument twice as one rule for each of its conditions, so that these are alternatives:
 * `always-matches` if such conditions, or several entries with the same outcome, match every call;
 * `alternative-conditions` if an entry may have been meant to join them, since some call meets two
 * of them, or since it names other arguments too.
 *
 * @param entries by syscall, in the order in which findings are wanted.
 */
export function lintAlternatives(entries: ReadonlyMap<string, PlacedEntries>): readonly Finding[] {
  const budget: Budget = { left: steps };
  const known = new Map<string, readonly Remark[]>();
  const names = new Map<Remark, string[]>();
  for (const [name, own] of entries) {
    if (own.isOver) continue;
    const key = own.places.join();
    const remarks = known.get(key) ?? remarksOn(own, budget);
    known.set(key, remarks);
    for (const remark of remarks) names.set(remark, [...(names.get(remark) ?? []), name]);
  }
  return [...names].map(([{ code, place, text }, all]) => {
    const more = all.length > shownNames ? ` and ${all.length - shownNames} more` : '';
    const message = `${all.slice(0, shownNames).join(', ')}${more}: ${text}`;
    return { code, severity: 'warning', message, pointer: `/syscalls/${place}` };
  });
}

/** What the entries with one outcome match together. */
interface Group {
  readonly outcome: Outcome;
  readonly boxes: Box[];
  entries: number;
  last: number;
  /** Whether one of the entries matches every call by itself, which is reported for that one. */
  isWhole: boolean;
}

function remarksOn({ rules, places }: PlacedEntries, budget: Budget): readonly Remark[] {
  const remarks: Remark[] = [];
  const groups: Group[] = [];
  for (const [at, { action, errnoRet, args = [] }] of rules.entries()) {
    const place = places[at] ?? 0;
    const outcome = outcomeOf(action, errnoRet);
    const boxes = boxesOf(args);
    const remark = namesTwice(args) ? remarkOnEntry(args, boxes, outcome, place, budget) : undefined;
    if (remark !== undefined) remarks.push(remark);
    let group = groups.find((known) => sameOutcome(known.outcome, outcome));
    if (group === undefined) {
      group = { outcome, boxes: [], entries: 0, last: place, isWhole: false };
      groups.push(group);
    }
    group.boxes.push(...boxes);
    group.entries += 1;
    group.last = place;
    group.isWhole ||= remark?.code === 'always-matches';
  }
  for (const { outcome, boxes, entries, last, isWhole } of groups) {
    if (isWhole || entries < 2 || !matchEverything(boxes, budget)) continue;
    const text = `${entries} entries with ${describeOutcome(outcome)} match every call together, so that their conditions have no effect: ${alternatives(boxes)}`;
    remarks.push({ code: 'always-matches', place: last, text });
  }
  return remarks;
}

/** Returns what each rule that runtimes make of the conditions matches. */
function boxesOf(args: readonly SeccompArg[]): readonly Box[] {
  return loadedRules(args).flatMap((conditions) => {
    const box = boxOf(conditions);
    return box === undefined ? [] : [box];
  });
}

function remarkOnEntry(
  args: readonly SeccompArg[],
  boxes: readonly Box[],
  outcome: Outcome,
  place: number,
  budget: Budget,
): Remark | undefined {
  const meaning = () => `${describeOutcome(outcome)} if ${alternatives(boxes)}: ${fixFor(args)}`;
  const why = 'an entry that names an argument twice';
  if (matchEverything(boxes, budget)) {
    const text = `conditions of ${why} are alternatives, and these match every call: ${meaning()}`;
    return { code: 'always-matches', place, text };
  }
  if (!mayBeMeantTogether(args, budget)) return undefined;
  return { code: 'alternative-conditions', place, text: `conditions of ${why} are alternatives: ${meaning()}` };
}

function matchEverything(boxes: readonly Box[], budget: Budget): boolean {
  // What excludes least goes first: single values would cut the others into many pieces.
  const inOrder = boxes.toSorted((a, b) => rankOf(a) - rankOf(b));
  return orTooMuch(() => subtractBoxes([everything], inOrder, budget).length === 0) ?? false;
}

function rankOf(box: Box): number {
  const forms = ['except', 'range', 'lowRange', 'bits'];
  return box.reduce(
    (sum, { set }) => sum + (set.form === 'range' && set.low === set.high ? 8 : forms.indexOf(set.form)),
    0,
  );
}

function namesTwice(args: readonly SeccompArg[]): boolean {
  return new Set(args.map(({ index }) => index)).size < args.length;
}

/**
 * Reports whether an author can have meant all conditions to hold at once: those on one argument
 * have a value in common, or there are others. Conditions on one argument that exclude each other,
 * such as a list of values, can only be alternatives. False if that takes too long to decide:
 * thousands of conditions are a list.
 */
function mayBeMeantTogether(args: readonly SeccompArg[], budget: Budget): boolean {
  if (new Set(args.map(({ index }) => index)).size > 1) return true;
  const found = orTooMuch(() =>
    args.some((one, at) => {
      // To look at a pair takes less than a step.
      spend(budget, (args.length - at) >> 2);
      return args.slice(at + 1).some((other) => haveCommonValue(one, other));
    }),
  );
  return found ?? false;
}

function haveCommonValue(one: SeccompArg, other: SeccompArg): boolean {
  const [a, b] = [argumentSet(one), argumentSet(other)];
  if (a === 'none' || b === 'none') return false;
  return a === undefined || b === undefined || intersectSets(a, b).length > 0;
}

/** Returns how to write what was probably meant. */
function fixFor(args: readonly SeccompArg[]): string {
  const [first] = args;
  const areClear = args.every(
    ({ index, op, valueTwo = 0n }) => index === first?.index && op === 'SCMP_CMP_MASKED_EQ' && valueTwo === 0n,
  );
  if (areClear) {
    const mask = args.reduce((bits, { value }) => bits | value, 0n);
    return `for none of these bits, compare once, by SCMP_CMP_MASKED_EQ with value ${mask} and valueTwo 0`;
  }
  return 'use one condition for each argument in an entry, and one entry for each intended value or range';
}
