import type { Glob } from './glob.ts';

/**
 * How many steps the automata of one operation may still take. Path lists come from strangers, and
 * the worst ones need exponentially many; if the budget is used up, the caller takes the stricter
 * answer and reports that it is not exact.
 */
export interface GlobBudget {
  left: number;
  readonly known?: Known;
}

/**
 * What was found out in the same operation about pairs of globs; the same questions come up several
 * times.
 */
export interface Known {
  readonly covers: Map<Glob, Map<Glob, boolean>>;
  readonly common: Map<Glob, Map<Glob, readonly Glob[]>>;
}

/**
 * Some tenths of a second on one core; two real profiles of some hundred paths need a few thousand
 * steps.
 */
export const fullBudget = 2_000_000;

/** Returns the budget of one operation. */
export function newBudget(known: Known = { covers: new Map(), common: new Map() }): GlobBudget {
  return { left: fullBudget, known };
}

/** Takes `steps` from the budget; false if it is used up. */
export function spend(budget: GlobBudget, steps: number): boolean {
  budget.left -= steps;
  return budget.left >= 0;
}

/**
 * Lets one question take at most `most` of the budget, so that a hard one does not leave the others
 * unanswered.
 */
export function within<T>(budget: GlobBudget, most: number, ask: (part: GlobBudget) => T): T {
  const part = { ...budget, left: Math.min(most, budget.left) };
  const before = part.left;
  const answer = ask(part);
  budget.left -= before - part.left;
  return answer;
}

/**
 * Returns the answer to a question about two globs, worked out by `ask` if it is not known yet;
 * undefined if the budget ends first.
 */
export function answerOnce<T>(
  known: Map<Glob, Map<Glob, T>> | undefined,
  [a, b]: readonly [Glob, Glob],
  ask: () => T | undefined,
): T | undefined {
  const found = known?.get(a)?.get(b);
  if (found !== undefined) return found;
  const answer = ask();
  if (answer === undefined || known === undefined) return answer;
  const answers = known.get(a);
  if (answers === undefined) known.set(a, new Map([[b, answer]]));
  else answers.set(b, answer);
  return answer;
}
