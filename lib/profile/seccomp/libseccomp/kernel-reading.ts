import type { ArgumentSet } from '../algebra/argument-set.ts';
import { argumentSet, complementSet, maxValue, word } from '../algebra/argument-set.ts';
import type { Box, Side } from '../algebra/box.ts';
import { everything, intersectBoxes } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { orTooMuch, spend } from '../algebra/budget.ts';
import { combineDecisions } from '../algebra/combine.ts';
import type { Decision, Region } from '../algebra/decision.ts';
import { levelsOf } from '../algebra/decision.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { sameOutcome, strictness } from '../algebra/outcome.ts';
import { subtractBoxes } from '../algebra/regions.ts';
import { strictestOf } from './encode.ts';

/**
 * Returns a decision as it would be if a filter compared the low 32 bits of one argument, as the
 * kernel does: for every call the outcome of the call in which the argument has these bits only.
 *
 * @returns undefined if no condition looks at the upper bits of the argument.
 */
export function kernelReading(decision: Decision, argument: number): Decision | undefined {
  const isCut = ({ index, set }: Side) => index === argument && !ignoresUpper(set);
  if (!decision.regions.some(({ box }) => box.some(isCut))) return undefined;
  const regions = decision.regions.flatMap(({ box, outcome }) =>
    lowBoxes(box, isCut).map((low): Region => ({ box: low, outcome })),
  );
  return { ...decision, regions };
}

/**
 * Returns the decision that is for every call as strict as the stricter of a decision and its
 * kernel reading, for each of some arguments. As exact as combineDecisions.
 *
 * @returns the decision itself if upper bits let nothing through.
 */
export function narrowDecision(
  decision: Decision,
  argumentIndexes: readonly number[],
  has32Bit: boolean,
  budget: Budget,
): Decision {
  const { least, most } = levelsOf(decision);
  // Then a call can only reach another error number.
  if (least === most) return decision;
  return argumentIndexes.reduce((before, index) => {
    const reading = kernelReading(before, index);
    if (reading === undefined) return before;
    const relation = relationOf(before, reading, index, budget);
    if (relation === 'laxer') return before;
    // Cut to 32 bits a condition may match what the reading does not, which combineDecisions takes
    // into account.
    const isCut = has32Bit && before.wide;
    return relation === 'stricter' && !isCut ? reading : combineDecisions(before, reading, has32Bit, budget);
  }, decision);
}

/**
 * Returns a decision with its strictest outcome for all calls that have an upper bit set in one of
 * the compared arguments.
 */
export function withoutUpperBits(decision: Decision, argumentIndexes: readonly number[]): Decision {
  const outcome = strictestOf(decision);
  const compared = argumentIndexes.filter((index) => kernelReading(decision, index) !== undefined);
  const upper = compared.map((index): Region => {
    return { box: [{ index, set: { form: 'range', low: word + 1n, high: maxValue } }], outcome };
  });
  return { ...decision, regions: [...decision.regions, ...upper] };
}

/**
 * How a kernel reading relates to its decision: nowhere stricter (`laxer`), nowhere laxer
 * (`stricter`), or neither.
 */
type Relation = 'laxer' | 'stricter' | 'mixed';

/**
 * Returns the relation; what takes too much work is treated as stricter, so that a result is laxer
 * than neither.
 */
function relationOf(decision: Decision, reading: Decision, argument: number, budget: Budget): Relation {
  const list = listOf(decision, argument);
  if (list === 'ends') {
    // The low half of what the list matches is matched too: it permits nothing that its reading
    // denies.
    if (permits(decision)) return 'laxer';
    return isTightened(decision, reading, budget) ? 'stricter' : 'laxer';
  }
  if (list === 'open') {
    // Everything above the low half is matched: a list that denies has nothing more that its
    // reading denies.
    if (!permits(decision)) return 'laxer';
    return isEverything(reading, budget) ? 'laxer' : 'stricter';
  }
  if (!isTightened(decision, reading, budget)) return 'laxer';
  return isTightened(reading, decision, budget) ? 'mixed' : 'stricter';
}

/**
 * Returns what is seen at once of a decision that is a list of one outcome: `ends` if all
 * conditions on the argument end within the low half or look at nothing else; `open` if nothing but
 * the argument is looked at, and everything above the low half is matched.
 */
function listOf({ regions }: Decision, argument: number): 'ends' | 'open' | undefined {
  const [first] = regions;
  if (first === undefined || !regions.every(({ outcome }) => sameOutcome(outcome, first.outcome))) return undefined;
  const ends = ({ index, set }: Side) =>
    index !== argument || ignoresUpper(set) || (set.form === 'range' && set.high <= word);
  if (regions.every(({ box }) => box.every(ends))) return 'ends';
  const isAlone = regions.every(({ box }) => box.every(({ index }) => index === argument));
  return isAlone && regions.some(({ box }) => box.every(({ set }) => hasAllAbove(set))) ? 'open' : undefined;
}

/** Reports whether the outcome of a list is at most as strict as what holds otherwise. */
function permits({ regions: [first], otherwise }: Decision): boolean {
  return first === undefined || strictness(first.outcome) <= strictness(otherwise);
}

function isTightened(from: Decision, to: Decision, budget: Budget): boolean {
  return orTooMuch(() => tightenings(from, to, budget).next().done === false) ?? true;
}

/** Reports whether the conditions of a list together match every call. */
function isEverything({ regions }: Decision, budget: Budget): boolean {
  const boxes = regions.map(({ box }) => box);
  return orTooMuch(() => subtractBoxes([everything], boxes, budget).length === 0) ?? false;
}

/**
 * Yields the calls for which `to` is stricter than `from`, part by part.
 *
 * @throws tooMuch
 */
export function* tightenings(from: Decision, to: Decision, budget: Budget): Generator<Box, void> {
  const isStricter = (one: Outcome, other: Outcome) => strictness(one) > strictness(other);
  const boxesOf = (regions: readonly Region[]) => regions.map(({ box }) => box);
  const most = strictestOf(to);
  for (const { box, outcome } of from.regions) {
    if (!isStricter(most, outcome)) continue;
    spend(budget, (from.regions.length + to.regions.length) >> 3);
    const others = from.regions.filter((region) => isStricter(region.outcome, outcome));
    for (const region of to.regions) {
      if (!isStricter(region.outcome, outcome)) continue;
      yield* subtractBoxes(intersectBoxes(box, region.box, budget), boxesOf(others), budget);
    }
    if (isStricter(to.otherwise, outcome)) {
      yield* subtractBoxes([box], boxesOf([...to.regions, ...others]), budget);
    }
  }
  for (const { box, outcome } of to.regions) {
    if (isStricter(outcome, from.otherwise)) yield* subtractBoxes([box], boxesOf(from.regions), budget);
  }
}

/**
 * Reports whether values that differ in their upper bits only are all in the set, or none of them.
 */
function ignoresUpper(set: ArgumentSet): boolean {
  return set.form === 'lowRange' || (set.form === 'bits' && set.mask <= word);
}

/** Reports whether every value is in the set that has an upper bit set. */
function hasAllAbove(set: ArgumentSet): boolean {
  if (set.form === 'range') return set.high === maxValue && set.low <= word + 1n;
  return set.form === 'except' && set.value <= word;
}

/** Returns the calls whose low half is in the box, as a union. */
function lowBoxes(box: Box, isCut: (side: Side) => boolean): readonly Box[] {
  const cut = box.find(isCut);
  if (cut === undefined) return [box];
  return lowSets(cut.set).map((set) =>
    box.flatMap((side) => (side !== cut ? [side] : set === undefined ? [] : [{ index: cut.index, set }])),
  );
}

/**
 * Returns the values whose low half is in the set, as a union in which undefined stands for all
 * values.
 */
function lowSets(set: ArgumentSet): readonly (ArgumentSet | undefined)[] {
  switch (set.form) {
    case 'lowRange':
      return [set];
    case 'range':
      if (set.low > word) return [];
      return set.low === 0n && set.high >= word
        ? [undefined]
        : [{ form: 'lowRange', low: set.low, high: set.high < word ? set.high : word }];
    case 'except':
      return set.value > word ? [undefined] : complementSet({ form: 'lowRange', low: set.value, high: set.value });
    case 'bits': {
      if (set.value > word) return [];
      const cut = argumentSet({ index: 0, op: 'SCMP_CMP_MASKED_EQ', value: set.mask & word, valueTwo: set.value });
      return cut === 'none' ? [] : [cut];
    }
  }
}
