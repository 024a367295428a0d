import type { ArgumentSet } from './argument-set.ts';
import { complementSet, includesSet, intersectSets, obviouslyDisjoint } from './argument-set.ts';

/** Calls whose arguments each lie in a set: conditions joined by "and". An argument without a set may be anything. */
export type Box = ReadonlyMap<number, ArgumentSet>;

/** Every call. */
export const everything: Box = new Map();

/** The calls in both boxes, as a union; empty if there are none. */
export function intersectBoxes(a: Box, b: Box): readonly Box[] {
  // Most pairs have nothing in common, which is found out before anything is made.
  for (const [index, set] of b) {
    const own = a.get(index);
    if (own !== undefined && obviouslyDisjoint(own, set)) return [];
  }
  let results: Map<number, ArgumentSet>[] = [new Map(a)];
  for (const [index, set] of b) {
    const own = a.get(index);
    const parts = own === undefined ? [set] : intersectSets(own, set);
    const [only] = parts;
    if (only === undefined) return [];
    if (parts.length === 1) for (const result of results) result.set(index, only);
    else results = results.flatMap((result) => parts.map((part) => new Map(result).set(index, part)));
  }
  return results;
}

/** The calls of `a` that are not in `b`, as a union whose members may overlap. */
export function subtractBox(a: Box, b: Box): readonly Box[] {
  if (intersectBoxes(a, b).length === 0) return [a];
  const results: Box[] = [];
  for (const [index, set] of b) {
    for (const outside of complementSet(set)) results.push(...intersectBoxes(a, new Map([[index, outside]])));
  }
  return results;
}

/** Whether every call of `inner` is in `outer`; false where that is not obvious. */
export function includesBox(outer: Box, inner: Box): boolean {
  for (const [index, set] of outer) {
    const own = inner.get(index);
    if (own === undefined || !includesSet(set, own)) return false;
  }
  return true;
}
