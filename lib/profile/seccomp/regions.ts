import type { Box } from './box.ts';
import { everything, includesBox, subtractBox } from './box.ts';
import type { Decision, Region } from './meaning.ts';
import type { Outcome } from './outcome.ts';
import { sameOutcome, strictness } from './outcome.ts';

/** Beyond so many regions for one syscall a result is not followed further; a kernel filter could not hold them. */
const maxRegions = 512;

/** Thrown by addRegion and subtractBoxes where a result would have too many regions. */
export const tooManyRegions = Symbol('too many regions');

/** How many regions a new one is compared with, at most, so that long lists do not take quadratic time. */
const compared = 64;

/** Adds a region unless one of its outcome is seen to hold it already, and drops those that it holds. */
export function addRegion(regions: Region[], region: Region): void {
  const first = Math.max(0, regions.length - compared);
  let place: number | undefined;
  for (let index = regions.length - 1; index >= first; index -= 1) {
    const other = regions[index];
    if (other === undefined || !sameOutcome(other.outcome, region.outcome)) continue;
    if (includesBox(other.box, region.box)) return;
    if (!includesBox(region.box, other.box)) continue;
    regions.splice(index, 1);
    place = index;
  }
  if (regions.length >= maxRegions) throw tooManyRegions;
  // In the place of the first that it holds: the order of outcomes decides between errnos.
  regions.splice(place ?? regions.length, 0, region);
}

/** The calls in some of `boxes` and in none of `others`. */
export function subtractBoxes(boxes: readonly Box[], others: readonly Box[]): readonly Box[] {
  let rest = boxes;
  for (const other of others) {
    rest = rest.flatMap((box) => subtractBox(box, other));
    if (rest.length > maxRegions) throw tooManyRegions;
  }
  return rest;
}

/**
 * All calls as regions of which no two with different outcomes overlap.
 *
 * @returns undefined where that takes too many regions.
 */
export function partition(decision: Decision): readonly Region[] | undefined {
  return disjointRegions(decision, undefined);
}

/**
 * A decision as regions of which no two with different outcomes overlap, so that the order in which they are
 * looked at does not matter, without those that say `byDefault`, which holds for all other calls.
 *
 * @returns undefined where that takes too many regions.
 */
export function disjointRegions(decision: Decision, byDefault: Outcome | undefined): readonly Region[] | undefined {
  const skipped = (outcome: Outcome) => byDefault !== undefined && sameOutcome(outcome, byDefault);
  const covers = skipped(decision.otherwise);
  const all = covers ? decision.regions : [...decision.regions, { box: everything, outcome: decision.otherwise }];
  const outcomes: Outcome[] = [];
  for (const { outcome } of all) if (!outcomes.some((known) => sameOutcome(known, outcome))) outcomes.push(outcome);
  const [only] = outcomes;
  if (only === undefined || (outcomes.length === 1 && skipped(only))) return [];
  if (outcomes.length === 1) return covers ? all : [{ box: everything, outcome: only }];
  return separate(all, outcomes, covers ? undefined : decision.otherwise, skipped);
}

/** `otherwise`, if given, is looked at last, whatever its strictness: it holds only where no region does. */
function separate(
  all: readonly Region[],
  outcomes: readonly Outcome[],
  otherwise: Outcome | undefined,
  skipped: (outcome: Outcome) => boolean,
): readonly Region[] | undefined {
  const ordered = outcomes.toSorted((a, b) => strictness(b) - strictness(a));
  const taken: Box[] = [];
  const regions: Region[] = [];
  try {
    for (const outcome of ordered) {
      const boxes = all.filter((r) => sameOutcome(r.outcome, outcome) && r.box !== everything).map((r) => r.box);
      const rest = subtractBoxes(boxes, [...taken]);
      taken.push(...boxes);
      if (skipped(outcome)) continue;
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
