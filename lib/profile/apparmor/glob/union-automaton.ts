import { automatonOf } from './automaton.ts';
import type { GlobBudget } from './budget.ts';
import { spend } from './budget.ts';
import type { Beginning } from './components.ts';
import type { Automaton, Edge, Glob } from './glob.ts';
import type { SymbolSet } from './symbol-set.ts';
import {
  anySymbol,
  difference,
  intersection,
  isEmpty,
  isSame,
  isSingle,
  meets,
  slash as slashSet,
} from './symbol-set.ts';

/**
 * Returns how many more states a deterministic automaton of all the globs has than the globs have
 * themselves: 0 for those that do not get in each other's way. undefined if it is more than `most`,
 * or the budget ends first.
 */
export function surplusStates(globs: readonly Glob[], most: number, budget: GlobBudget): number | undefined {
  const automata = automataOf(globs);
  if (automata === undefined) return undefined;
  const own = automata.reduce((sum, { edges }) => sum + edges.length, 0);
  const all = new UnionAutomaton(automata);
  const seen = new Set([all.start.join()]);
  const queue = [all.start];
  for (const states of queue) {
    const cost = 1 + states.length + all.countEdges(states) / 8;
    for (const part of all.split(states, anySymbol)) {
      if (!spend(budget, cost)) return undefined;
      const next = all.step(states, part);
      const key = next.join();
      if (seen.has(key)) continue;
      if (seen.size - own > most) return undefined;
      seen.add(key);
      queue.push(next);
    }
  }
  return Math.max(0, seen.size - own);
}

/** Returns the automata of all globs; undefined if one is too large. */
export function automataOf(globs: readonly Glob[], after?: Beginning): readonly Automaton[] | undefined {
  const automata: Automaton[] = [];
  for (const glob of globs) {
    const automaton = automatonOf(glob, after);
    if (automaton === undefined) return undefined;
    automata.push(automaton);
  }
  return automata;
}

/** Numbers of states of one automaton; a path of 4096 characters has fewer. */
const stride = 2 ** 16;

/** At most this many known sets are compared with a new one. */
const mostKnown = 64;

/** Several automata as one, whose states are sets: sorted lists of numbers. */
export class UnionAutomaton {
  readonly start: readonly number[];
  readonly #automata: readonly Automaton[];

  constructor(automata: readonly Automaton[]) {
    this.start = automata.map((_, index) => index * stride);
    this.#automata = automata;
  }

  accepts(states: readonly number[]): boolean {
    return states.some((at) => this.#automata[Math.floor(at / stride)]?.accepts[at % stride]);
  }

  countEdges(states: readonly number[]): number {
    return states.reduce((sum, at) => sum + this.#edges(at).length, 0);
  }

  /**
   * Cuts a set so that all symbols of a part lead from `states` to the same place; "/" is a part of
   * its own.
   */
  split(states: readonly number[], set: SymbolSet): readonly SymbolSet[] {
    if (isEmpty(set)) return [];
    if (isSingle(set)) return [set];
    let parts = cut([set], slashSet);
    // Most edges have one of few sets, which need to be looked at once.
    const done: SymbolSet[] = [];
    for (const at of states) {
      for (const edge of this.#edges(at)) {
        if (done.some((known) => isSame(known, edge.set))) continue;
        if (done.length < mostKnown) done.push(edge.set);
        parts = cut(parts, edge.set);
      }
    }
    return parts;
  }

  step(states: readonly number[], part: SymbolSet): readonly number[] {
    const next: number[] = [];
    for (const at of states) {
      const base = at - (at % stride);
      for (const { set, to } of this.#edges(at)) {
        if (meets(set, part)) insert(next, base + to);
      }
    }
    return next;
  }

  #edges(at: number): readonly Edge[] {
    return this.#automata[Math.floor(at / stride)]?.edges[at % stride] ?? [];
  }
}

/** Adds to a sorted list what it does not have yet. */
function insert(sorted: number[], value: number): void {
  let at = sorted.length;
  while (at > 0 && (sorted[at - 1] ?? 0) > value) at -= 1;
  if (sorted[at - 1] === value) return;
  if (at === sorted.length) sorted.push(value);
  else sorted.splice(at, 0, value);
}

function cut(parts: SymbolSet[], by: SymbolSet): SymbolSet[] {
  const pieces: SymbolSet[] = [];
  for (const part of parts) {
    const inside = intersection(part, by);
    const outside = difference(part, by);
    if (isEmpty(inside) || isEmpty(outside)) pieces.push(part);
    else pieces.push(inside, outside);
  }
  return pieces;
}
