import type { Budget } from './budget.ts';
import { spend } from './budget.ts';
import type { Glob, GlobNode } from './parse-glob.ts';
import { characterOf } from './parse-glob.ts';
import type { SymbolSet } from './symbol-set.ts';
import {
  anySymbol,
  difference,
  hasSymbol,
  holdsOther,
  intersection,
  isEmpty,
  meets,
  printableMembers,
  slash as slashSet,
  symbolsOf,
} from './symbol-set.ts';

interface Edge {
  readonly set: SymbolSet;
  readonly to: number;
}

/** A nondeterministic automaton without empty moves; state 0 begins. */
interface Automaton {
  readonly edges: readonly (readonly Edge[])[];
  readonly accepts: readonly boolean[];
}

const automata = new WeakMap<Glob, Automaton>();

function automatonOf(glob: Glob): Automaton {
  let automaton = automata.get(glob);
  if (automaton === undefined) {
    automaton = build(glob.nodes);
    automata.set(glob, automaton);
  }
  return automaton;
}

/**
 * Thompson's construction, then every state takes over the edges of the states that it reaches by empty moves. After so
 * many characters of its literal prefix, a glob is in the state of that number.
 */
function build(nodes: readonly GlobNode[]): Automaton {
  const edges: Edge[][] = [[]];
  const empty: number[][] = [[]];
  const state = (): number => {
    edges.push([]);
    empty.push([]);
    return edges.length - 1;
  };
  const sequence = (list: readonly GlobNode[], from: number): number => {
    let at = from;
    for (const node of list) {
      const next = state();
      if (node.kind === 'one') edges[at]?.push({ set: node.set, to: next });
      else if (node.kind === 'many') {
        empty[at]?.push(next);
        edges[next]?.push({ set: node.set, to: next });
      } else {
        for (const branch of node.branches) {
          const begin = state();
          empty[at]?.push(begin);
          empty[sequence(branch, begin)]?.push(next);
        }
      }
      at = next;
    }
    return at;
  };
  const end = sequence(nodes, 0);
  const reached = edges.map((_, from) => reach(empty, from));
  return {
    edges: reached.map((states) => states.flatMap((from) => edges[from] ?? [])),
    accepts: reached.map((states) => states.includes(end)),
  };
}

function reach(empty: readonly (readonly number[])[], from: number): readonly number[] {
  const direct = empty[from] ?? [];
  if (direct.length === 0) return [from];
  const found = new Set([from]);
  for (const at of found) for (const next of empty[at] ?? []) found.add(next);
  return [...found];
}

/** Whether the glob stands for the name, byte for byte in UTF-8, as the kernel compares. */
export function matchesName(glob: Glob, name: string): boolean {
  if (glob.literal) return glob.prefix === name;
  if (!name.startsWith(glob.prefix) || !name.endsWith(glob.suffix)) return false;
  const { edges, accepts } = automatonOf(glob);
  let states = [glob.prefix.length];
  for (const symbol of symbolsOf(name.slice(glob.prefix.length))) {
    const next: number[] = [];
    for (const from of states) {
      for (const { set, to } of edges[from] ?? []) {
        if (hasSymbol(set, symbol) && !next.includes(to)) next.push(to);
      }
    }
    if (next.length === 0) return false;
    states = next;
  }
  return states.some((at) => accepts[at]);
}

/** False where the literal beginnings and ends of two globs already tell that no name matches both. */
export function mayMeet(a: Glob, b: Glob): boolean {
  if (a.literal && b.literal) return a.prefix === b.prefix;
  if (!(a.prefix.startsWith(b.prefix) || (!a.literal && b.prefix.startsWith(a.prefix)))) return false;
  if (b.literal && !b.prefix.startsWith(a.prefix)) return false;
  return a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix);
}

/**
 * Whether some name that the kernel asks for (without "//") matches both globs; undefined where the budget ends first.
 */
export function meet(a: Glob, b: Glob, budget: Budget): boolean | undefined {
  if (!mayMeet(a, b)) return false;
  if (a.literal) return matchesName(b, a.prefix);
  if (b.literal) return matchesName(a, b.prefix);
  const left = automatonOf(a);
  const right = automatonOf(b);
  const width = right.edges.length * 2;
  const skip = Math.min(a.prefix.length, b.prefix.length);
  const seen = new Set([skip * width + skip * 2 + (a.prefix[skip - 1] === '/' ? 1 : 0)]);
  for (const code of seen) {
    const afterSlash = code % 2 === 1;
    const second = Math.floor((code % width) / 2);
    const first = Math.floor(code / width);
    if (left.accepts[first] && right.accepts[second]) return true;
    for (const one of left.edges[first] ?? []) {
      for (const two of right.edges[second] ?? []) {
        if (!spend(budget, 1)) return undefined;
        const common = afterSlash
          ? difference(intersection(one.set, two.set), slashSet)
          : intersection(one.set, two.set);
        if (isEmpty(common)) continue;
        const to = one.to * width + two.to * 2;
        if (meets(common, slashSet)) seen.add(to + 1);
        if (!isEmpty(difference(common, slashSet))) seen.add(to);
      }
    }
  }
  return false;
}

/**
 * Whether every name (without "//") that matches `glob` matches one of `others`; undefined where the budget ends first.
 * Walks the states of the glob beside the sets of states that the others can be in at the same time.
 */
export function isCovered(glob: Glob, others: readonly Glob[], budget: Budget): boolean | undefined {
  const near = others.filter((candidate) => mayMeet(glob, candidate));
  if (near.length === 0) {
    // A glob that only "//" could match stands for no name, and is covered by nothing at all.
    const some = meet(glob, glob, budget);
    return some === undefined ? undefined : !some;
  }
  if (near.some((candidate) => candidate.expanded === glob.expanded)) return true;
  const name = nameOf(glob.nodes);
  if (glob.literal || !name.includes('//')) {
    // One name tells most globs apart, and which others are worth a closer look.
    const matching = near.filter((candidate) => matchesName(candidate, name));
    if (glob.literal || matching.length === 0) return matching.length > 0;
    if (near.length > 1 && matching.some((candidate) => walk(glob, [candidate], budget))) return true;
  }
  return walk(glob, near, budget);
}

/** The shortest name that a glob stands for, as far as that is easy to see; it may have "//". */
function nameOf(nodes: readonly GlobNode[]): string {
  const texts = nodes.map((node) => {
    if (node.kind === 'many') return '';
    if (node.kind === 'branches') return nameOf(node.branches[0] ?? []);
    // A character that is not printable stands for all that are not.
    return characterOf(node) ?? (holdsOther(node.set) ? '\u007f' : (printableMembers(node.set)[0] ?? ''));
  });
  return texts.join('');
}

function walk(glob: Glob, others: readonly Glob[], budget: Budget): boolean | undefined {
  const inner = automatonOf(glob);
  const outer = new Union(others.map(automatonOf));
  const seen = inner.edges.map(() => [new Set<string>(), new Set<string>()] as const);
  const skip = Math.min(...[glob, ...others].map(({ prefix }) => prefix.length));
  const start: readonly number[] = outer.start.map((at) => at + skip);
  const queue = [{ at: skip, afterSlash: glob.prefix[skip - 1] === '/', beside: start }];
  for (const { at, afterSlash, beside } of queue) {
    if (inner.accepts[at] && !outer.accepts(beside)) return false;
    for (const edge of inner.edges[at] ?? []) {
      for (const part of outer.split(beside, afterSlash ? difference(edge.set, slashSet) : edge.set)) {
        if (!spend(budget, 1 + beside.length)) return undefined;
        const next = outer.step(beside, part);
        const isSlash = meets(part, slashSet);
        const visited = seen[edge.to]?.[isSlash ? 1 : 0];
        const key = next.join();
        if (visited === undefined || visited.has(key)) continue;
        visited.add(key);
        queue.push({ at: edge.to, afterSlash: isSlash, beside: next });
      }
    }
  }
  return true;
}

/**
 * How many more states a deterministic automaton of all the globs has than the globs have themselves: 0 for those that
 * do not get in each other's way. undefined where it is more than `most`, or the budget ends first.
 */
export function surplusStates(globs: readonly Glob[], most: number, budget: Budget): number | undefined {
  const automata = globs.map(automatonOf);
  const own = automata.reduce((sum, { edges }) => sum + edges.length, 0);
  const all = new Union(automata);
  const seen = new Set([all.start.join()]);
  const queue = [all.start];
  for (const states of queue) {
    for (const part of all.split(states, anySymbol)) {
      if (!spend(budget, 1 + states.length)) return undefined;
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

/** Numbers of states of one automaton; a path of 4096 characters has fewer. */
const stride = 2 ** 16;

/** Several automata as one, whose states are sets: sorted lists of numbers. */
class Union {
  readonly start: readonly number[];
  readonly #automata: readonly Automaton[];

  constructor(automata: readonly Automaton[]) {
    this.start = automata.map((_, index) => index * stride);
    this.#automata = automata;
  }

  accepts(states: readonly number[]): boolean {
    return states.some((at) => this.#automata[Math.floor(at / stride)]?.accepts[at % stride]);
  }

  /** Cuts a set so that all symbols of a part lead from `states` to the same place; "/" is a part of its own. */
  split(states: readonly number[], set: SymbolSet): readonly SymbolSet[] {
    if (isEmpty(set)) return [];
    let parts = cut([set], slashSet);
    for (const at of states) for (const edge of this.#edges(at)) parts = cut(parts, edge.set);
    return parts;
  }

  step(states: readonly number[], part: SymbolSet): readonly number[] {
    const next = new Set<number>();
    for (const at of states) {
      const base = at - (at % stride);
      for (const { set, to } of this.#edges(at)) if (meets(set, part)) next.add(base + to);
    }
    return [...next].sort((a, b) => a - b);
  }

  #edges(at: number): readonly Edge[] {
    return this.#automata[Math.floor(at / stride)]?.edges[at % stride] ?? [];
  }
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
