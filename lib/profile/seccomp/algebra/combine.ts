import { intersectBoxes } from './box.ts';
import type { Budget } from './budget.ts';
import { orTooMuch } from './budget.ts';
import type { Decision, Region } from './decision.ts';
import { always, levelsOf, withOneErrno } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { sameOutcome, stricter, strictness } from './outcome.ts';
import { addRegion, subtractBoxes, withoutIncluded } from './regions.ts';

/**
 * Returns the decision that is at every point as strict as the stricter of two; if both are equally
 * strict `first` gives the errno. Exact, except where arguments are compared beyond 32 bits
 * although 32-bit architectures take part, or where the result has too many regions or takes too
 * much work: then the strictest outcome of both holds for all arguments.
 */
export function combineDecisions(first: Decision, second: Decision, has32Bit: boolean, budget: Budget): Decision {
  if (first === second) return first;
  if (first.regions.length === 0 && second.regions.length === 0) return combineConstants(first, second);
  if (prevails(first, second)) return first;
  if (prevails(second, first)) return second;
  if (has32Bit && (first.wide || second.wide)) return strictestOf(first, second);
  const [ours, theirs] = fewPairs(first, second)
    ? [first, second]
    : [simplify(first, budget), simplify(second, budget)];
  const otherwise = stricter(first.otherwise, second.otherwise);
  const wide = first.wide || second.wide;
  const regions = orTooMuch(() => combineRegions(ours, theirs, budget));
  if (regions !== undefined) return { regions, otherwise, exact: first.exact && second.exact, wide };
  // Rather than what both permit, the numbers of errors are lost.
  const [plain, other] = [withOneErrno(ours, otherwise), withOneErrno(theirs, otherwise)];
  const fewer = orTooMuch(() => combineRegions(plain, other, budget));
  return fewer === undefined ? strictestOf(first, second) : { regions: fewer, otherwise, exact: false, wide };
}

function combineConstants(first: Decision, second: Decision): Decision {
  const winner = strictness(second.otherwise) > strictness(first.otherwise) ? second : first;
  return first.exact === second.exact ? winner : { ...winner, exact: false };
}

/** Reports whether `one` is nowhere laxer than the other, which does not look at arguments. */
function prevails(one: Decision, constant: Decision): boolean {
  if (constant.regions.length > 0 || !constant.exact) return false;
  const level = strictness(constant.otherwise);
  return level === 0 || levelsOf(one).least >= level;
}

function strictestOf(...decisions: readonly Decision[]): Decision {
  const [head, ...tail] = decisions.flatMap(({ regions, otherwise }) => [otherwise, ...regions.map((r) => r.outcome)]);
  if (head === undefined) throw new Error('a decision has an outcome');
  return { ...always(tail.reduce(stricter, head)), exact: false };
}

function fewPairs(first: Decision, second: Decision): boolean {
  return first.regions.length * second.regions.length < 1_024;
}

/**
 * Returns a decision without repeated regions: long lists often repeat themselves, and the pairs
 * are quadratic.
 */
function simplify(decision: Decision, budget: Budget): Decision {
  return { ...decision, regions: withoutIncluded(decision.regions, budget) };
}

function combineRegions(first: Decision, second: Decision, budget: Budget): readonly Region[] {
  const regions: Region[] = [];
  for (const a of first.regions) {
    for (const b of second.regions) {
      const boxes = intersectBoxes(a.box, b.box, budget);
      if (boxes.length === 0) continue;
      const outcome = stricter(a.outcome, b.outcome);
      for (const box of boxes) addRegion(regions, { box, outcome }, budget);
    }
  }
  const otherwise = stricter(first.otherwise, second.otherwise);
  const isSaid = isSaidByOtherwise(first, second, otherwise);
  for (const a of first.regions) {
    const outcome = stricter(a.outcome, second.otherwise);
    if (isSaid(outcome, second.otherwise)) continue;
    const laxer = (b: Region) => strictness(stricter(a.outcome, b.outcome)) < strictness(outcome);
    addOutside(regions, { box: a.box, outcome }, second.regions.filter(laxer), budget);
  }
  for (const b of second.regions) {
    const outcome = stricter(first.otherwise, b.outcome);
    if (isSaid(outcome, first.otherwise)) continue;
    const laxer = (a: Region) => strictness(stricter(a.outcome, b.outcome)) < strictness(outcome);
    addOutside(regions, { box: b.box, outcome }, first.regions.filter(laxer), budget);
  }
  return regions;
}

/**
 * Reports, for a region outside the other decision's regions, where that decision's `otherwise`
 * counts, whether the result's `otherwise` has the same outcome: if it is no stricter than the
 * other's, all that lies there is at least as strict, so that no laxer region could win. Only where
 * one outcome is of that strictness: of several the first would count.
 */
function isSaidByOtherwise(
  first: Decision,
  second: Decision,
  otherwise: Outcome,
): (outcome: Outcome, outside: Outcome) => boolean {
  const level = strictness(otherwise);
  const isOne = (outcome: Outcome) => strictness(outcome) !== level || sameOutcome(outcome, otherwise);
  const isSole = [first, second].every(
    (decision) => isOne(decision.otherwise) && decision.regions.every((region) => isOne(region.outcome)),
  );
  return (outcome, outside) => isSole && sameOutcome(outcome, otherwise) && strictness(outside) === level;
}

/** Adds the part of a region that lies outside others. */
function addOutside(regions: Region[], region: Region, others: readonly Region[], budget: Budget): void {
  const boxes = others.map(({ box }) => box);
  for (const box of subtractBoxes([region.box], boxes, budget))
    addRegion(regions, { box, outcome: region.outcome }, budget);
}
