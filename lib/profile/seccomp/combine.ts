import type { Box } from './box.ts';
import { everything, includesBox, intersectBoxes, subtractBox } from './box.ts';
import type { Decision, Region } from './meaning.ts';
import { always } from './meaning.ts';
import type { Outcome } from './outcome.ts';
import { sameOutcome, stricter, strictness } from './outcome.ts';

/** Beyond so many regions for one syscall a result is not followed further; a kernel filter could not hold them. */
const maxRegions = 512;

/** Thrown inside this file where a result would have more than `maxRegions`. */
const tooManyRegions = Symbol('too many regions');

/**
 * The decision that is at every point as strict as the stricter of two; where both are equally strict `first` gives
 * the errno. Exact, except where arguments are compared beyond 32 bits although 32-bit architectures take part, or
 * where the result has too many regions: then the strictest outcome of both holds for all arguments.
 */
export function combineDecisions(first: Decision, second: Decision, has32Bit: boolean): Decision {
  if (first === second) return first;
  if (first.regions.length === 0 && second.regions.length === 0) return combineConstants(first, second);
  if (prevails(first, second)) return first;
  if (prevails(second, first)) return second;
  if (has32Bit && (first.wide || second.wide)) return strictestOf(first, second);
  try {
    return {
      regions: combineRegions(first, second),
      otherwise: stricter(first.otherwise, second.otherwise),
      exact: first.exact && second.exact,
      wide: first.wide || second.wide,
    };
  } catch (thrown) {
    if (thrown !== tooManyRegions) throw thrown;
    return strictestOf(first, second);
  }
}

function combineConstants(first: Decision, second: Decision): Decision {
  const winner = strictness(second.otherwise) > strictness(first.otherwise) ? second : first;
  return first.exact === second.exact ? winner : { ...winner, exact: false };
}

/** Whether `one` is nowhere laxer than the other, which does not look at arguments. */
function prevails(one: Decision, constant: Decision): boolean {
  if (constant.regions.length > 0 || !constant.exact) return false;
  const level = strictness(constant.otherwise);
  return strictness(one.otherwise) >= level && one.regions.every(({ outcome }) => strictness(outcome) >= level);
}

function strictestOf(...decisions: readonly Decision[]): Decision {
  const [head, ...tail] = decisions.flatMap(({ regions, otherwise }) => [otherwise, ...regions.map((r) => r.outcome)]);
  if (head === undefined) throw new Error('a decision has an outcome');
  return { ...always(tail.reduce(stricter, head)), exact: false };
}

function combineRegions(first: Decision, second: Decision): readonly Region[] {
  const regions: Region[] = [];
  for (const a of first.regions) {
    for (const b of second.regions) {
      const outcome = stricter(a.outcome, b.outcome);
      for (const box of intersectBoxes(a.box, b.box)) addRegion(regions, { box, outcome });
    }
  }
  for (const a of first.regions) {
    const outcome = stricter(a.outcome, second.otherwise);
    const laxer = (b: Region) => strictness(stricter(a.outcome, b.outcome)) < strictness(outcome);
    addOutside(regions, { box: a.box, outcome }, second.regions.filter(laxer));
  }
  for (const b of second.regions) {
    const outcome = stricter(first.otherwise, b.outcome);
    const laxer = (a: Region) => strictness(stricter(a.outcome, b.outcome)) < strictness(outcome);
    addOutside(regions, { box: b.box, outcome }, first.regions.filter(laxer));
  }
  return regions;
}

/** Adds the part of a region that lies outside others. */
function addOutside(regions: Region[], region: Region, others: readonly Region[]): void {
  const outside = subtractBoxes(
    [region.box],
    others.map(({ box }) => box),
  );
  for (const box of outside) addRegion(regions, { box, outcome: region.outcome });
}

/** Adds a region unless one of its outcome holds it already, and drops those that it holds. */
function addRegion(regions: Region[], region: Region): void {
  for (let index = regions.length - 1; index >= 0; index -= 1) {
    const other = regions[index];
    if (other === undefined || !sameOutcome(other.outcome, region.outcome)) continue;
    if (includesBox(other.box, region.box)) return;
    if (includesBox(region.box, other.box)) regions.splice(index, 1);
  }
  if (regions.length >= maxRegions) throw tooManyRegions;
  regions.push(region);
}

function subtractBoxes(boxes: readonly Box[], others: readonly Box[]): readonly Box[] {
  let rest = boxes;
  for (const other of others) {
    rest = rest.flatMap((box) => subtractBox(box, other));
    if (rest.length > maxRegions) throw tooManyRegions;
  }
  return rest;
}

/**
 * A decision as regions of which no two with different outcomes overlap, so that the order in which they are
 * looked at does not matter, without those that say `byDefault`, which holds for all other calls.
 *
 * @returns undefined where that takes too many regions.
 */
export function disjointRegions(decision: Decision, byDefault: Outcome): readonly Region[] | undefined {
  const covers = sameOutcome(decision.otherwise, byDefault);
  const all = covers ? decision.regions : [...decision.regions, { box: everything, outcome: decision.otherwise }];
  const outcomes: Outcome[] = [];
  for (const { outcome } of all) if (!outcomes.some((known) => sameOutcome(known, outcome))) outcomes.push(outcome);
  const [only] = outcomes;
  if (only === undefined || (outcomes.length === 1 && sameOutcome(only, byDefault))) return [];
  if (outcomes.length === 1) return all;
  return separate(all, outcomes, covers ? undefined : decision.otherwise, byDefault);
}

/** `otherwise`, if given, is looked at last, whatever its strictness: it holds only where no region does. */
function separate(
  all: readonly Region[],
  outcomes: readonly Outcome[],
  otherwise: Outcome | undefined,
  byDefault: Outcome,
): readonly Region[] | undefined {
  const ordered = outcomes.toSorted((a, b) => strictness(b) - strictness(a));
  const taken: Box[] = [];
  const regions: Region[] = [];
  try {
    for (const outcome of ordered) {
      const boxes = all.filter((r) => sameOutcome(r.outcome, outcome) && r.box !== everything).map((r) => r.box);
      const rest = subtractBoxes(boxes, [...taken]);
      taken.push(...boxes);
      if (sameOutcome(outcome, byDefault)) continue;
      for (const box of rest) addRegion(regions, { box, outcome });
    }
    if (otherwise === undefined) return regions;
    for (const box of subtractBoxes([everything], taken)) addRegion(regions, { box, outcome: otherwise });
    return regions;
  } catch (thrown) {
    if (thrown !== tooManyRegions) throw thrown;
    return undefined;
  }
}
