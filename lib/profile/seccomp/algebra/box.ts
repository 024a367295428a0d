import type { ArgumentSet } from './argument-set.ts';
import { complementSet, includesSet, intersectSets, isCostly, obviouslyDisjoint } from './argument-set.ts';
import type { Budget } from './budget.ts';
import { spend, unlimited } from './budget.ts';

/** One argument, 0 to 5, and the values that it may have. */
export interface Side {
  readonly index: number;
  readonly set: ArgumentSet;
}

/**
 * Calls whose arguments each lie in a set: conditions joined by "and". Sides are in the order of
 * their indexes, each at most once; an argument without a side may be anything. A list, since
 * profiles have thousands of boxes.
 */
export type Box = readonly Side[];

/** Every call. */
export const everything: Box = [];

/** Every call of a 32-bit program: the upper halves of its arguments are empty. */
export const lowHalves: Box = [0, 1, 2, 3, 4, 5].map((index) => ({
  index,
  set: { form: 'bits', mask: 0xffff_ffff_0000_0000n, value: 0n },
}));

/** Returns every call of a program whose arguments have that many bits. */
export function domainOf(bits: 32 | 64): Box {
  return bits === 32 ? lowHalves : everything;
}

const nothing: readonly Box[] = [];

/** Returns the calls in both boxes, as a union, which may be empty. */
export function intersectBoxes(a: Box, b: Box, budget: Budget = unlimited): readonly Box[] {
  spend(budget, 1);
  // Most pairs have nothing in common, which is found out before anything is made.
  if (areDisjoint(a, b)) return nothing;
  if (b.length === 0) return [a];
  if (a.length === 0) return [b];
  let results: Side[][] = [[]];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const [left, right] = [a[i], b[j]];
    if (left !== undefined && right !== undefined && left.index === right.index) {
      if (isCostly(left.set, right.set)) spend(budget, 16);
      const sets = intersectSets(left.set, right.set);
      if (sets.length === 0) return nothing;
      spend(budget, 3 * results.length * sets.length);
      results = extend(results, left.index, sets);
      i += 1;
      j += 1;
    } else if (right === undefined || (left !== undefined && left.index < right.index)) {
      for (const result of results) result.push(left as Side);
      i += 1;
    } else {
      for (const result of results) result.push(right);
      j += 1;
    }
  }
  return results;
}

function extend(boxes: Side[][], index: number, sets: readonly ArgumentSet[]): Side[][] {
  const [only, ...others] = sets;
  if (only === undefined || others.length > 0) {
    return boxes.flatMap((box) => sets.map((set) => [...box, { index, set }]));
  }
  const side = { index, set: only };
  for (const box of boxes) box.push(side);
  return boxes;
}

/** Reports whether two boxes have no call in common, if that is quickly seen. */
function areDisjoint(a: Box, b: Box): boolean {
  let at = 0;
  for (const { index, set } of b) {
    let own = a[at];
    while (own !== undefined && own.index < index) own = a[++at];
    if (own === undefined) return false;
    if (own.index === index && obviouslyDisjoint(own.set, set)) return true;
  }
  return false;
}

/** Reports whether two boxes have a call in common, without making what they have in common. */
export function haveCommonCall(a: Box, b: Box): boolean {
  return a.every(({ index, set }) => {
    const other = b.find((side) => side.index === index);
    return other === undefined || (!obviouslyDisjoint(set, other.set) && intersectSets(set, other.set).length > 0);
  });
}

/** Returns the calls of `a` that are not in `b`, as a union whose members may overlap. */
export function subtractBox(a: Box, b: Box, budget: Budget = unlimited): readonly Box[] {
  if (intersectBoxes(a, b, budget).length === 0) return [a];
  const results: Box[] = [];
  for (const { index, set } of b) {
    const complement = complementSet(set);
    spend(budget, 2 * complement.length);
    for (const outside of complement) results.push(...intersectBoxes(a, [{ index, set: outside }], budget));
  }
  return results;
}

/**
 * Returns the calls of `a` that are not in `b`, as a union whose members do not overlap as long as
 * complements do not; see subtractBox.
 */
export function cutBox(a: Box, b: Box, budget: Budget = unlimited): readonly Box[] {
  if (intersectBoxes(a, b, budget).length === 0) return [a];
  const results: Box[] = [];
  let inside: readonly Box[] = [a];
  for (const side of b) {
    for (const box of inside) results.push(...subtractBox(box, [side], budget));
    inside = inside.flatMap((box) => intersectBoxes(box, [side], budget));
  }
  return results;
}

/** Reports whether every call of `inner` is in `outer`; false if that is not obvious. */
export function includesBox(outer: Box, inner: Box): boolean {
  if (outer.length > inner.length) return false;
  let at = 0;
  for (const { index, set } of outer) {
    let own = inner[at];
    while (own !== undefined && own.index < index) own = inner[++at];
    if (own === undefined || own.index !== index || !includesSet(set, own.set)) return false;
  }
  return true;
}
