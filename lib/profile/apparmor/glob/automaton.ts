import type { GlobBudget } from './budget.ts';
import { spend } from './budget.ts';
import type { Beginning } from './components.ts';
import { commonBeginning } from './components.ts';
import type { Automaton, Edge, Glob } from './glob.ts';
import type { GlobNode } from './node.ts';
import { difference, hasSymbol, intersection, isEmpty, meets, slash as slashSet, symbolsOf } from './symbol-set.ts';

/**
 * Edges that an automaton may have beside one for each node: groups that may all be empty need very
 * many.
 */
const mostExtraEdges = 2000;

/**
 * Returns the automaton of a glob, or of the rest of it after some components and characters of the
 * next one; undefined if its groups would make it too large.
 */
export function automatonOf(glob: Glob, after?: Beginning): Automaton | undefined {
  const from = after === undefined ? 0 : (glob.components[after.components]?.start ?? 0) + after.characters;
  if (!glob.automata.has(from)) glob.automata.set(from, build(glob.nodes.slice(from)));
  return glob.automata.get(from);
}

/**
 * Builds an automaton by Thompson's construction, then lets every state take over the edges of the
 * states that it reaches by empty moves.
 */
function build(nodes: readonly GlobNode[]): Automaton | undefined {
  const edges: Edge[][] = [[]];
  const empty: number[][] = [];
  const state = (): number => edges.push([]) - 1;
  const jump = (from: number, to: number): void => {
    const moves = empty[from];
    if (moves === undefined) empty[from] = [to];
    else moves.push(to);
  };
  const sequence = (list: readonly GlobNode[], from: number): number => {
    let at = from;
    for (const node of list) {
      const next = state();
      if (node.kind === 'one') edges[at]?.push({ set: node.set, to: next });
      else if (node.kind === 'many') {
        jump(at, next);
        edges[next]?.push({ set: node.set, to: next });
      } else {
        for (const branch of node.branches) {
          const begin = state();
          jump(at, begin);
          jump(sequence(branch, begin), next);
        }
      }
      at = next;
    }
    return at;
  };
  const end = sequence(nodes, 0);
  const accepts = edges.map((_, from) => from === end);
  let size = 0;
  const reached: (readonly Edge[])[] = [];
  for (const [from, own] of edges.entries()) {
    const states = empty[from] === undefined ? [from] : reach(empty, from);
    if (states.includes(end)) accepts[from] = true;
    reached.push(states.length === 1 ? own : states.flatMap((at) => edges[at] ?? []));
    size += reached[from]?.length ?? 0;
    if (size > nodes.length + mostExtraEdges) return undefined;
  }
  return { edges: reached, accepts, size };
}

function reach(empty: readonly (readonly number[] | undefined)[], from: number): readonly number[] {
  const found = new Set([from]);
  for (const at of found) for (const next of empty[at] ?? []) found.add(next);
  return [...found];
}

/**
 * Reports whether the glob matches the name, byte for byte in UTF-8, as the kernel compares;
 * undefined if its automaton would be too large.
 */
export function matchesName(glob: Glob, name: string): boolean | undefined {
  if (glob.literal) return glob.prefix === name;
  if (!name.startsWith(glob.prefix) || !name.endsWith(glob.suffix)) return false;
  const automaton = automatonOf(glob);
  return automaton && accepts(automaton, symbolsOf(name));
}

/** Reports whether an automaton accepts these symbols. */
export function accepts({ edges, accepts }: Automaton, symbols: readonly number[]): boolean {
  let states = [0];
  for (const symbol of symbols) {
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

/**
 * Reports whether two globs may match one name, as far as their literal beginnings and ends show.
 */
export function mayMeet(a: Glob, b: Glob): boolean {
  if (a.literal && b.literal) return a.prefix === b.prefix;
  if (!(a.prefix.startsWith(b.prefix) || (!a.literal && b.prefix.startsWith(a.prefix)))) return false;
  if (b.literal && !b.prefix.startsWith(a.prefix)) return false;
  return a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix);
}

/**
 * Reports whether some name that the kernel asks for (without "//") matches both globs; undefined
 * if the budget ends first.
 */
export function meet(a: Glob, b: Glob, budget: GlobBudget): boolean | undefined {
  if (!mayMeet(a, b)) return false;
  if (a.literal) return matchesName(b, a.prefix);
  if (b.literal) return matchesName(a, b.prefix);
  const beginning = commonBeginning(a.components, [b.components]);
  const [left, right] = [automatonOf(a, beginning), automatonOf(b, beginning)];
  if (left === undefined || right === undefined) return undefined;
  const width = right.edges.length * 2;
  const seen = new Set([beginning.characters === 0 ? 1 : 0]);
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
