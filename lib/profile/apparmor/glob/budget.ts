/**
 * How many steps the automata of one operation may still take. Path lists come from strangers, and the worst ones need
 * exponentially many; where the budget ends, the caller takes the stricter answer and says that it is not exact.
 */
export interface Budget {
  left: number;
}

/** Some tenths of a second on one core; two real profiles of some hundred paths need a few thousand steps. */
export const fullBudget = 2_000_000;

/** Takes `steps` from the budget; false where it is used up. */
export function spend(budget: Budget, steps: number): boolean {
  budget.left -= steps;
  return budget.left >= 0;
}

/** Lets one question take at most `most` of the budget, so that a hard one does not leave the others unanswered. */
export function within<T>(budget: Budget, most: number, ask: (part: Budget) => T): T {
  const part = { left: Math.min(most, budget.left) };
  const before = part.left;
  const answer = ask(part);
  budget.left -= before - part.left;
  return answer;
}
