import type { Decision } from './decision.ts';
import { decisionAbout } from './meaning.ts';
import type { NumberedMeaning } from './read-meaning.ts';

/**
 * Syscalls with which each of several profiles does the same, so that what comes of them is found
 * out once.
 */
export interface LikeTreated {
  /** Their numbers. */
  readonly syscalls: readonly number[];
  /** One decision of each profile. */
  readonly inputs: readonly Decision[];
}

interface Group extends LikeTreated {
  readonly syscalls: number[];
  /** How many combinations of their conditions there are. */
  readonly pairs: number;
}

/**
 * Returns every syscall that any profile names, those with the fewest conditions first: a budget
 * then lasts for most.
 */
export function likeTreated(meanings: readonly NumberedMeaning[], size: number): readonly LikeTreated[] {
  const order = inOrder(meanings, size);
  const groupOf = groupNumbers(meanings, order, size);
  const groups: Group[] = [];
  for (let at = 0; at < order.length; at += 1) {
    const id = order[at] as number;
    const group = groups[groupOf[id] as number];
    if (group !== undefined) group.syscalls.push(id);
    else groups.push(newGroup(id, meanings));
  }
  return groups.sort((a, b) => a.pairs - b.pairs);
}

function newGroup(id: number, meanings: readonly NumberedMeaning[]): Group {
  const inputs = meanings.map((meaning) => decisionAbout(id, meaning));
  let pairs = 1;
  for (const { regions } of inputs) pairs *= 1 + regions.length;
  return { syscalls: [id], inputs, pairs };
}

/**
 * Returns every syscall once: those that the first profile names, then the others that the second
 * one names, and so on.
 */
function inOrder(meanings: readonly NumberedMeaning[], size: number): readonly number[] {
  const isNamed = new Uint8Array(size);
  const all: number[] = [];
  for (const { order } of meanings) {
    for (let at = 0; at < order.length; at += 1) {
      const id = order[at] as number;
      if (isNamed[id] === 0) all.push(id);
      isNamed[id] = 1;
    }
  }
  return all;
}

/**
 * Returns for each syscall the same number as for those with the same decisions, counted in their
 * order.
 */
function groupNumbers(meanings: readonly NumberedMeaning[], order: readonly number[], size: number): Uint32Array {
  const numbers = new Uint32Array(size);
  for (const { places, distinct } of meanings) {
    const known = new Map<number, number>();
    for (let at = 0; at < order.length; at += 1) {
      const id = order[at] as number;
      const key = (numbers[id] as number) * (distinct.length + 1) + (places[id] ?? distinct.length);
      let number = known.get(key);
      if (number === undefined) {
        number = known.size;
        known.set(key, number);
      }
      numbers[id] = number;
    }
  }
  return numbers;
}
