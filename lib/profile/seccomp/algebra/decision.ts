import type { Box } from './box.ts';
import type { Outcome } from './outcome.ts';
import { sameOutcome, stricter, strictness } from './outcome.ts';

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
