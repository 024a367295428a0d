import type { SeccompArg, SeccompRule } from '../model.ts';
import { argumentSet } from './argument-set.ts';
import type { Box, Side } from './box.ts';
import { everything } from './box.ts';
import type { Region } from './decision.ts';
import type { Outcome } from './outcome.ts';

/** The low half of an argument, which is all that libseccomp compares on 32-bit architectures. */
export const word = 0xffff_ffffn;

/** Returns the calls that a rule matches: `all`, or regions with its outcome. */
export function regionsOf(rule: SeccompRule, outcome: Outcome): readonly Region[] | 'all' {
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
export function decidesWhenCut(args: readonly SeccompArg[]): boolean {
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

export function isWideCondition({ op, value, valueTwo = 0n }: SeccompArg): boolean {
  return value > word && (op !== 'SCMP_CMP_MASKED_EQ' || (valueTwo & value) > word);
}
