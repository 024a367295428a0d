/**
 * How many steps the automata of one operation may still take. Path lists come from strangers, and the worst ones need
 * exponentially many; where the budget ends, the caller takes the stricter answer and says that it is not exact.
 */
export interface Budget {
  left: number;
}

/** About a second on one core; two real profiles of some hundred paths need a few thousand steps. */
export const fullBudget = 5_000_000;

/** Takes `steps` from the budget; false where it is used up. */
export function spend(budget: Budget, steps: number): boolean {
  budget.left -= steps;
  return budget.left >= 0;
}
