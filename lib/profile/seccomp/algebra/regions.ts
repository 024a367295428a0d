import type { Box } from './box.ts';
import { cutBox, everything, includesBox, subtractBox } from './box.ts';
import type { Budget } from './budget.ts';
import { orTooMuch, spend, tooMuch, unlimited } from './budget.ts';
import type { Decision, Region } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { sameOutcome, strictness } from './outcome.ts';

/**
 * Above this many regions for one syscall, a result is abandoned; a kernel filter could not hold
 * them.
 */
const maxRegions = 512;

/**
 * How many regions a new one is compared with, at most, so that long lists do not take quadratic
 * time.
 */
const compared = 64;

/**
 * Adds a region unless one of its outcome is seen to hold it already, and drops those that it
 * holds.
 *
 * @throws tooMuch
 */
export function addRegion(regions: Region[], region: Region, budget: Budget): void {
  const first = Math.max(0, regions.length - compared);
  let place: number | undefined;
  spend(budget, 1 + ((regions.length - first) >> 1));
  for (let index = regions.length - 1; index >= first; index -= 1) {
    const other = regions[index];
    if (other === undefined || !sameOutcome(other.outcome, region.outcome)) continue;
    if (includesBox(other.box, region.box)) return;
    if (!includesBox(region.box, other.box)) continue;
    regions.splice(index, 1);
    place = index;
  }
  if (regions.length >= maxRegions) throw tooMuch;
  // In the place of the first that it holds: the order of outcomes decides between errnos.
  if (place === undefined) regions.push(region);
  else regions.splice(place, 0, region);
}

/**
 * Returns the regions without those that are seen to lie in others of the same outcome; all of them
 * if that is too much.
 */
export function withoutIncluded(regions: readonly Region[], budget: Budget): readonly Region[] {
  const kept: Region[] = [];
  const fewer = orTooMuch(() => {
    for (const region of regions) addRegion(kept, region, budget);
    return kept;
  });
  return fewer ?? regions;
}

/**
 * Returns the calls in some of `boxes` and in none of `others`.
 *
 * @throws tooMuch
 */
export function subtractBoxes(boxes: readonly Box[], others: readonly Box[], budget: Budget): readonly Box[] {
  spend(budget, (boxes.length * others.length) >> 2);
  // What lies in one of the others as a whole would else be cut into pieces by those before it.
  let rest: readonly Box[] = boxes.filter((box) => !others.some((other) => includesBox(other, box)));
  // Parts that overlap have fewer conditions, but their number grows with every box that is taken
  // out.
  const subtract = others.length > compared ? cutBox : subtractBox;
  for (const other of others) {
    rest = rest.flatMap((box) => subtract(box, other, budget));
    if (rest.length > maxRegions) throw tooMuch;
  }
  return rest;
}

/**
 * Returns regions with the same calls of which no two of one outcome overlap. Those that compare
 * fewer and earlier arguments stay whole, the others are cut.
 *
 * @returns undefined if that takes too many regions or too much work.
 */
export function apart(regions: readonly Region[], budget: Budget): readonly Region[] | undefined {
  const argumentsOf = ({ box }: Region) => box.map(({ index }) => index).join();
  // The order of outcomes decides between errnos.
  const ordered = differentOutcomes(regions).flatMap((outcome) =>
    regions
      .filter((region) => sameOutcome(region.outcome, outcome))
      .sort((a, b) => (argumentsOf(a) < argumentsOf(b) ? -1 : 1)),
  );
  return orTooMuch(() => {
    const result: Region[] = [];
    for (const { box, outcome } of ordered) {
      let rest: readonly Box[] = [box];
      for (const other of result) {
        if (!sameOutcome(other.outcome, outcome)) continue;
        rest = rest.flatMap((part) => cutBox(part, other.box, budget));
      }
      for (const part of rest) result.push({ box: part, outcome });
      if (result.length > maxRegions) throw tooMuch;
    }
    return result;
  });
}

/**
 * Returns all calls as regions of which no two with different outcomes overlap.
 *
 * @returns undefined if that takes too many regions or too much work.
 */
export function partition(decision: Decision, budget: Budget = unlimited): readonly Region[] | undefined {
  const regions = withoutCovered(decision.regions, budget);
  return regions && disjointRegions({ ...decision, regions }, undefined, budget);
}

/**
 * Returns regions without those in which a stricter one, or another of the same outcome, counts:
 * they would be cut out in vain.
 *
 * @returns undefined if that takes too much work.
 */
export function withoutCovered(regions: readonly Region[], budget: Budget): readonly Region[] | undefined {
  const ordered = regions.toSorted((a, b) => strictness(b.outcome) - strictness(a.outcome));
  const last = ordered.slice(0, compared);
  const covers = (outer: Region, inner: Region) =>
    (strictness(outer.outcome) > strictness(inner.outcome) || sameOutcome(outer.outcome, inner.outcome)) &&
    includesBox(outer.box, inner.box);
  return orTooMuch(() => {
    spend(budget, regions.length * last.length);
    return ordered.filter((inner, at) =>
      last.every((outer, index) => index === at || !covers(outer, inner) || (covers(inner, outer) && at < index)),
    );
  });
}

/**
 * Returns a decision as regions of which no two with different outcomes overlap, so that the order
 * in which they are looked at does not matter, without those with the outcome `byDefault`, which
 * holds for all other calls.
 *
 * @returns undefined if that takes too many regions or too much work.
 */
export function disjointRegions(
  decision: Decision,
  byDefault: Outcome | undefined,
  budget: Budget,
): readonly Region[] | undefined {
  const { otherwise } = decision;
  const covers = byDefault !== undefined && sameOutcome(otherwise, byDefault);
  const regions = covers ? decision.regions : [...decision.regions, { box: everything, outcome: otherwise }];
  const [first] = regions;
  if (first === undefined) return [];
  if (areAlike(regions)) {
    if (byDefault !== undefined && sameOutcome(first.outcome, byDefault)) return [];
    return covers ? regions : [{ box: everything, outcome: first.outcome }];
  }
  return separateWithin(budget, regions, covers ? undefined : otherwise, byDefault);
}

/** Reports whether all have one outcome, as nearly always. */
function areAlike(regions: readonly Region[]): boolean {
  const first = regions[0]?.outcome;
  return regions.every(({ outcome }) => first !== undefined && sameOutcome(outcome, first));
}

function differentOutcomes(regions: readonly Region[]): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  let last: Outcome | undefined;
  for (const { outcome } of regions) {
    // Nearly always the same as before.
    if (outcome === last) continue;
    last = outcome;
    if (!outcomes.some((known) => sameOutcome(known, outcome))) outcomes.push(outcome);
  }
  return outcomes;
}

function separateWithin(
  budget: Budget,
  all: readonly Region[],
  otherwise: Outcome | undefined,
  byDefault: Outcome | undefined,
): readonly Region[] | undefined {
  return orTooMuch(() => separate(all, otherwise, byDefault, budget));
}

/**
 * `otherwise`, if given, is looked at last, whatever its strictness: it holds only if no region
 * does.
 */
function separate(
  all: readonly Region[],
  otherwise: Outcome | undefined,
  byDefault: Outcome | undefined,
  budget: Budget,
): readonly Region[] {
  const ordered = differentOutcomes(all).toSorted((a, b) => strictness(b) - strictness(a));
  const taken: Box[] = [];
  const regions: Region[] = [];
  for (const outcome of ordered) {
    const boxes = all.filter((r) => sameOutcome(r.outcome, outcome) && r.box !== everything).map((r) => r.box);
    if (byDefault === undefined || !sameOutcome(outcome, byDefault)) {
      for (const box of subtractBoxes(boxes, taken, budget)) addRegion(regions, { box, outcome }, budget);
    }
    taken.push(...boxes);
  }
  if (otherwise === undefined) return regions;
  for (const box of subtractBoxes([everything], taken, budget)) {
    addRegion(regions, { box, outcome: otherwise }, budget);
  }
  return regions;
}
