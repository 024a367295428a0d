import type { Direction } from '../../change.ts';
import type { Box } from './box.ts';
import { haveCommonCall, intersectBoxes } from './box.ts';
import type { Budget } from './budget.ts';
import { orTooMuch } from './budget.ts';
import type { Decision, Region } from './decision.ts';
import type { Outcome } from './outcome.ts';
import { sameOutcome, strictness } from './outcome.ts';
import { partition, withoutCovered } from './regions.ts';

/** Calls for which two decisions differ, and how. */
export interface Difference {
  readonly box: Box;
  readonly from: Outcome;
  readonly to: Outcome;
}

export function directionOf({ from, to }: Pick<Difference, 'from' | 'to'>): Direction {
  const step = strictness(to) - strictness(from);
  return step < 0 ? 'loosened' : step > 0 ? 'tightened' : 'changed';
}

/**
 * Returns exactly where two decisions differ; empty if they mean the same.
 *
 * @param domain the calls that count.
 * @returns undefined if there are too many conditions to tell, or if it takes too much work.
 */
export function differences(
  from: Decision,
  to: Decision,
  domain: Box,
  budget: Budget,
): readonly Difference[] | undefined {
  if (from === to) return [];
  const [ours, theirs] = [withoutCovered(from.regions, budget), withoutCovered(to.regions, budget)];
  if (ours === undefined || theirs === undefined) return undefined;
  // Alike but for what never counts: taking both apart may be too much.
  if (writtenAlike({ ...from, regions: ours }, { ...to, regions: theirs })) return [];
  const [before, after] = [partition(from, budget), partition(to, budget)];
  if (before === undefined || after === undefined) return undefined;
  return orTooMuch(() => differencesOf(before, after, domain, budget));
}

function differencesOf(
  before: readonly Region[],
  after: readonly Region[],
  domain: Box,
  budget: Budget,
): readonly Difference[] {
  const found: Difference[] = [];
  for (const a of before) {
    for (const b of after) {
      if (sameOutcome(a.outcome, b.outcome)) continue;
      const boxes = intersectBoxes(a.box, b.box, budget).filter((box) => haveCommonCall(box, domain));
      for (const box of boxes) found.push({ box, from: a.outcome, to: b.outcome });
    }
  }
  return found;
}

/**
 * Reports whether two decisions are written alike; different writings of one meaning are treated
 * as different.
 */
export function writtenAlike(a: Decision, b: Decision): boolean {
  if (a === b) return true;
  if (a.regions.length !== b.regions.length || !sameOutcome(a.otherwise, b.otherwise)) return false;
  return a.regions.length === 0 || textOf(a) === textOf(b);
}

function textOf(decision: Decision): string {
  return decision.regions.map(regionText).sort().join('; ');
}

function regionText({ box, outcome }: Region): string {
  const sets = box.map(({ index, set }) => `${index} ${Object.values(set).join(' ')}`);
  return `${outcome.action} ${outcome.errno ?? ''} ${sets.join(',')}`;
}
