import type { ArgumentSet } from '../algebra/argument-set.ts';
import { blocks, conditionOf, cutSet, hasUpperHalf, isBlock, isWide } from '../algebra/argument-set.ts';
import type { Box, Side } from '../algebra/box.ts';
import { haveCommonCall } from '../algebra/box.ts';
import type { Budget } from '../algebra/budget.ts';
import { orTooMuch, spend, unlimited } from '../algebra/budget.ts';
import type { Decision, Region } from '../algebra/decision.ts';
import { withOneErrno } from '../algebra/decision.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { sameOutcome, stricter, strictness } from '../algebra/outcome.ts';
import { disjointRegions } from '../algebra/regions.ts';
import type { SeccompArg } from '../model.ts';
import type { EncodedRule, Encoding } from './encoding.ts';
import { align, alignedLength } from './same-arguments.ts';

/** At most this many rules for one syscall; fitIntoKernel limits those of all syscalls together. */
const maxRules = 512;

/** At most this many pairs of regions are compared for one syscall. */
const maxPairs = 16_384;

/** What a rule costs, with all that is done with it later; a block of a set costs less. */
const stepsOf = { rule: 24, block: 4 };

/**
 * Returns a decision as rules of the runtime-spec that libseccomp loads as they are written. That
 * is not so for all rules: libseccomp 2.5 joins several rules of one syscall wrongly, and may never
 * end, if they compare with LT or LE, or have several conditions with NE, GE or GT, or do not all
 * compare the same arguments. Three shapes were found right by comparing its filters with the
 * specification: one rule alone; rules of one condition each without LT and LE; rules of EQ and
 * MASKED_EQ on the same arguments. Rules of different outcomes never overlap, so that no order
 * among them matters.
 *
 * @param byDefault the profile's default, for which no rule is needed (and runtimes add none).
 * @param has32Bit whether the profile holds for 32-bit architectures, if only low halves are
 * compared.
 */
export function encodeDecision(
  decision: Decision,
  byDefault: Outcome,
  has32Bit: boolean,
  budget: Budget = unlimited,
): Encoding {
  const encoding = encodeWhole(decision, byDefault, has32Bit, budget);
  if (encoding !== undefined) return encoding;
  // Rather than what is permitted, the numbers of errors are lost.
  const plain = encodeWhole(withOneErrno(decision, byDefault), byDefault, has32Bit, budget);
  return plain === undefined ? encodeStrictest(decision, byDefault) : { ...plain, exact: false };
}

/**
 * Returns undefined if the rules would be too many or too much work, or would be wrong on 32-bit
 * architectures.
 */
function encodeWhole(decision: Decision, byDefault: Outcome, has32Bit: boolean, budget: Budget): Encoding | undefined {
  if (decision.regions.length === 0) return constant(decision.otherwise, byDefault, decision.exact);
  const wide = has32Bit && decision.wide;
  if (wide && !keepsWhenCut(decision, byDefault)) return undefined;
  const regions = disjointRegions(decision, byDefault, budget);
  const fitting = has32Bit && !wide ? regions && withoutWide(regions, byDefault) : regions;
  if (regions === undefined || fitting === undefined) return undefined;
  const exact = decision.exact && (!has32Bit || wide || !regions.some(hasWide));
  return orTooMuch(() => {
    const rules =
      inOneRule(fitting) ?? inSingleConditions(fitting, budget) ?? inMaskedConditions(fitting, has32Bit, budget);
    if (rules !== undefined && isSafe(rules)) return { rules: align(rules), exact };
    return withinLimits(fitting, byDefault, has32Bit, budget);
  });
}

/**
 * Reports whether the conditions can be written as they were, bit by bit, so that cut to 32 bits
 * they still mean the same.
 */
function keepsWhenCut({ regions, otherwise }: Decision, byDefault: Outcome): boolean {
  const [first] = regions;
  const sameSets = (box: Box) => box.every(({ set }) => set.form !== 'range' || set.low === set.high);
  return (
    sameOutcome(otherwise, byDefault) &&
    regions.every(({ box, outcome }) => sameOutcome(outcome, first?.outcome ?? outcome) && sameSets(box))
  );
}

function constant(outcome: Outcome, byDefault: Outcome, exact: boolean): Encoding {
  return { rules: sameOutcome(outcome, byDefault) ? [] : [{ args: [], outcome }], exact };
}

/** Returns the last resort: the strictest outcome for all arguments. */
export function encodeStrictest(decision: Decision, byDefault: Outcome): Encoding {
  return constant(strictestOf(decision), byDefault, false);
}

/** Returns the strictest outcome that a decision has for any arguments. */
export function strictestOf({ regions, otherwise }: Decision): Outcome {
  return regions.reduce((worst, { outcome }) => stricter(worst, outcome), otherwise);
}

/**
 * On 32-bit architectures a number beyond 32 bits is cut, so that a condition made here of narrower
 * ones would match more calls. A region that loosens the default is left out then; one that
 * tightens may stay, unless it comes to lie over another with another outcome: which of the two a
 * call of a 32-bit program met would be up to their order.
 */
function withoutWide(regions: readonly Region[], byDefault: Outcome): readonly Region[] | undefined {
  if (!regions.some(hasWide)) return regions;
  const kept: Region[] = [];
  for (const region of regions) {
    if (!hasWide(region)) kept.push(region);
    else if (!loosens(region, byDefault)) {
      if (region.box.some(({ set }) => isWide(set) && set.form === 'range')) return undefined;
      kept.push(region);
    }
  }
  const cut = kept.filter(hasWide).map(cutRegion);
  const all = kept.map(cutRegion);
  if (cut.length * all.length > maxPairs) return undefined;
  const collides = cut.some(({ outcome, box }) =>
    all.some((other) => !sameOutcome(outcome, other.outcome) && haveCommonCall(box, other.box)),
  );
  return collides ? undefined : kept;
}

/** Returns what is left of a region for 32-bit programs. */
function cutRegion({ box, outcome }: Region): Region {
  const sides = box.flatMap(({ index, set }) => {
    const cut = cutSet(set);
    return cut === undefined ? [] : [{ index, set: cut }];
  });
  return { box: sides, outcome };
}

function hasWide({ box }: Region): boolean {
  return box.some(isWideSide);
}

function isWideSide({ set }: Side): boolean {
  return isWide(set);
}

function loosens(region: Region, byDefault: Outcome): boolean {
  return strictness(region.outcome) < strictness(byDefault);
}

function inOneRule(regions: readonly Region[]): readonly EncodedRule[] | undefined {
  const unconditional = regions.find(({ box }) => box.length === 0);
  if (unconditional !== undefined) return [{ args: [], outcome: unconditional.outcome }];
  const [region, second] = regions;
  if (region === undefined) return [];
  if (second !== undefined) return undefined;
  const args: SeccompArg[] = [];
  for (const { index, set } of region.box) {
    const arg = conditionOf(index, set);
    if (arg === undefined) return undefined;
    args.push(arg);
  }
  return [{ args, outcome: region.outcome }];
}

function inSingleConditions(regions: readonly Region[], budget: Budget): readonly EncodedRule[] | undefined {
  if (regions.some(({ box }) => box.length !== 1)) return undefined;
  const rules: EncodedRule[] = [];
  for (const { box, outcome } of regions) {
    const side = box[0] as Side;
    const arg = conditionOf(side.index, side.set);
    const isReliable = arg !== undefined && arg.op !== 'SCMP_CMP_LT';
    const conditions = isReliable ? [arg] : conditionsOf(side.index, paidBlocks(side.set, budget));
    spend(budget, stepsOf.rule * conditions.length);
    for (const condition of conditions) rules.push({ args: [condition], outcome });
  }
  return rules;
}

/**
 * Returns every condition as EQ and MASKED_EQ; undefined if that is not possible or is too much.
 * On 32-bit architectures a condition on an upper half alone holds for every argument, so a number
 * beyond 32 bits cannot be excluded bit by bit.
 */
function inMaskedConditions(
  regions: readonly Region[],
  has32Bit: boolean,
  budget: Budget,
): readonly EncodedRule[] | undefined {
  const rules: EncodedRule[] = [];
  for (const { box, outcome } of regions) {
    const args = inBlocks(box);
    if (args !== undefined) {
      if (rules.length === maxRules) return undefined;
      spend(budget, stepsOf.rule + stepsOf.block * args.length);
      rules.push({ args, outcome });
      continue;
    }
    let alternatives: SeccompArg[][] = [[]];
    for (const side of box) {
      const parts = paidBlocks(side.set, budget);
      if (has32Bit && (isWide(side.set) ? !isBlock(side.set) : parts.some(isWide))) return undefined;
      const conditions = conditionsOf(side.index, parts);
      const [only] = conditions;
      if (rules.length + alternatives.length * conditions.length > maxRules) return undefined;
      if (only !== undefined && conditions.length === 1) for (const alternative of alternatives) alternative.push(only);
      else alternatives = alternatives.flatMap((before) => conditions.map((arg) => [...before, arg]));
    }
    spend(budget, stepsOf.rule * alternatives.length);
    for (const alternative of alternatives) rules.push({ args: alternative, outcome });
  }
  return rules;
}

/**
 * Returns the conditions of a box whose every side is a block, as most are; undefined for others.
 */
function inBlocks(box: Box): readonly SeccompArg[] | undefined {
  return box.every(isBlockSide) ? box.map(conditionOfSide) : undefined;
}

function isBlockSide({ set }: Side): boolean {
  return isBlock(set);
}

function conditionOfSide({ index, set }: Side): SeccompArg {
  return conditionOf(index, set) as SeccompArg;
}

function paidBlocks(set: ArgumentSet, budget: Budget): readonly ArgumentSet[] {
  const parts = blocks(set);
  spend(budget, stepsOf.block * parts.length);
  return parts;
}

function conditionsOf(index: number, sets: readonly ArgumentSet[]): readonly SeccompArg[] {
  const conditions: SeccompArg[] = [];
  for (const set of sets) {
    const condition = conditionOf(index, set);
    if (condition !== undefined) conditions.push(condition);
  }
  return conditions;
}

/** Reports whether the rules, as they will be written, are few enough for one syscall. */
function isSafe(rules: readonly EncodedRule[]): boolean {
  return alignedLength(rules) <= maxRules;
}

/**
 * Leaves out what does not fit of what loosens, and then of what has another error number than the
 * default; undefined if what tightens does not fit.
 */
function withinLimits(
  regions: readonly Region[],
  byDefault: Outcome,
  has32Bit: boolean,
  budget: Budget,
): Encoding | undefined {
  const rules: EncodedRule[] = [];
  const stepOf = ({ outcome }: Region) => Math.sign(strictness(outcome) - strictness(byDefault));
  const order = [1, -1, 0];
  const inOrder = regions.toSorted((a, b) => order.indexOf(stepOf(a)) - order.indexOf(stepOf(b)));
  for (const region of inOrder) {
    const lax = loosens(region, byDefault);
    const more = inMaskedConditions(lax && has32Bit ? narrowed(region, budget) : [region], has32Bit, budget);
    const before = rules.length;
    if (more !== undefined) rules.push(...more);
    if (more !== undefined && isSafe(rules)) continue;
    if (stepOf(region) > 0) return undefined;
    rules.length = before;
  }
  return { rules: align(rules), exact: false };
}

/**
 * Returns the part of a region in which all arguments lie below 2^32: there 32-bit and 64-bit
 * comparisons agree.
 */
function narrowed(region: Region, budget: Budget): readonly Region[] {
  if (region.box.every(isBlockSide) && !hasWide(region)) {
    spend(budget, (1 + stepsOf.block) * region.box.length);
    return [region];
  }
  let boxes: Side[][] = [[]];
  for (const { index, set } of region.box) {
    const parts = paidBlocks(set, budget).filter((block) => !isWide(block) && !(isWide(set) && hasUpperHalf(block)));
    const sides = parts.map((block) => ({ index, set: block }));
    if (boxes.length * sides.length > maxRules) return [region];
    spend(budget, boxes.length * sides.length);
    boxes = boxes.flatMap((box) => sides.map((side) => [...box, side]));
  }
  return boxes.map((box) => ({ box, outcome: region.outcome }));
}
