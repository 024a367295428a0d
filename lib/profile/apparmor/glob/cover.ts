import { accepts, automatonOf, mayMeet, meet } from './automaton.ts';
import type { GlobBudget } from './budget.ts';
import { answerOnce, spend } from './budget.ts';
import type { Beginning } from './components.ts';
import { commonBeginning } from './components.ts';
import type { Glob } from './glob.ts';
import type { GlobNode } from './node.ts';
import { characterOf } from './node.ts';
import { difference, holdsOther, meets, printableMembers, slash as slashSet, symbolsOf } from './symbol-set.ts';
import { automataOf, UnionAutomaton } from './union-automaton.ts';

/**
 * Reports whether every name (without "//") that matches `glob` matches one of `others`; undefined
 * if the budget ends first.
 */
export function isCovered(glob: Glob, others: readonly Glob[], budget: GlobBudget): boolean | undefined {
  const near = others.filter((candidate) => mayMeet(glob, candidate));
  if (near.some((candidate) => candidate.expanded === glob.expanded)) return true;
  if (near.length === 0) {
    if (!nameOf(glob.nodes).includes('//')) return false;
    // A glob that only "//" could match matches no name, and nothing covers it.
    const some = meet(glob, glob, budget);
    return some === undefined ? undefined : !some;
  }
  const [first] = near;
  if (near.length === 1 && first !== undefined) return coversAlone(first, glob, budget);
  // One name shows for most globs that they do not cover, and which others need a closer look.
  const matching = haveSampleOf(glob, near, budget);
  if (matching === undefined) return undefined;
  if (glob.literal || matching.length === 0) return matching.length > 0;
  if (matching.some((candidate) => coversAlone(candidate, glob, budget))) return true;
  return walk(glob, near, budget);
}

function coversAlone(candidate: Glob, glob: Glob, budget: GlobBudget): boolean | undefined {
  return answerOnce(budget.known?.covers, [candidate, glob], () => {
    const matching = haveSampleOf(glob, [candidate], budget);
    if (matching === undefined || matching.length === 0) return matching && false;
    return glob.literal || walk(glob, matching, budget);
  });
}

/**
 * Returns those of some globs that match one name of the given glob, or all of them if no such name
 * is easy to find; undefined if the budget is used up first.
 */
function haveSampleOf(glob: Glob, others: readonly Glob[], budget: GlobBudget): readonly Glob[] | undefined {
  const beginning = beginningOf(glob, others);
  const { start = 0 } = glob.components[beginning.components] ?? {};
  const rest = nameOf(glob.nodes.slice(start + beginning.characters));
  if (rest.includes('//') || (beginning.characters === 0 && rest.startsWith('/'))) return others;
  const symbols = symbolsOf(rest);
  if (!spend(budget, others.length * (1 + symbols.length / 4))) return undefined;
  const automata = automataOf(others, beginning);
  return automata && others.filter((_, index) => automata[index] !== undefined && accepts(automata[index], symbols));
}

function beginningOf(glob: Glob, others: readonly Glob[]): Beginning {
  return commonBeginning(
    glob.components,
    others.map(({ components }) => components),
  );
}

/** Returns the shortest name that nodes match, as far as that is easy to find; it may have "//". */
function nameOf(nodes: readonly GlobNode[]): string {
  const texts = nodes.map((node) => {
    if (node.kind === 'many') return '';
    if (node.kind === 'branches') return nameOf(node.branches[0] ?? []);
    // One character that is not printable represents all of them.
    return characterOf(node) ?? (holdsOther(node.set) ? '\u007f' : (printableMembers(node.set)[0] ?? ''));
  });
  return texts.join('');
}

/**
 * Walks the states of the glob beside the sets of states that the others can be in at the same
 * time.
 */
function walk(glob: Glob, others: readonly Glob[], budget: GlobBudget): boolean | undefined {
  const after = beginningOf(glob, others);
  const inner = automatonOf(glob, after);
  const automata = automataOf(others, after);
  if (inner === undefined || automata === undefined) return undefined;
  if (!spend(budget, automata.length)) return undefined;
  const outer = new UnionAutomaton(automata);
  const seen = new Set<string>();
  const queue = [{ at: 0, afterSlash: after.characters === 0, beside: outer.start }];
  for (const { at, afterSlash, beside } of queue) {
    if (inner.accepts[at] && !outer.accepts(beside)) return false;
    for (const edge of inner.edges[at] ?? []) {
      for (const part of outer.split(beside, afterSlash ? difference(edge.set, slashSet) : edge.set)) {
        if (!spend(budget, 1 + beside.length)) return undefined;
        const next = outer.step(beside, part);
        const isSlash = meets(part, slashSet);
        const key = `${edge.to}${isSlash ? '/' : ' '}${next.join()}`;
        if (seen.has(key)) continue;
        seen.add(key);
        queue.push({ at: edge.to, afterSlash: isSlash, beside: next });
      }
    }
  }
  return true;
}
