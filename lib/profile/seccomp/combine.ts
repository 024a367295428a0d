import { intersectBoxes } from './box.ts';
import type { Decision, Region } from './meaning.ts';
import { always } from './meaning.ts';
import { stricter, strictness } from './outcome.ts';
import { addRegion, subtractBoxes, tooManyRegions } from './regions.ts';

/** Twice what the limit on entries of pulled profiles allows on both sides: more would take too long. */
export const maxPairs = 65_536;

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
  if (first.regions.length * second.regions.length > maxPairs) return strictestOf(first, second);
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
