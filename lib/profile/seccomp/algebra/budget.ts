/**
 * How much work one operation may still do. Profiles come from strangers, and the worst ones ask
 * for combinations that no kernel filter could hold; if the budget is used up, the caller takes the
 * stricter answer and reports that it is not exact.
 */
export interface Budget {
  left: number;
}

/**
 * Returns the budget of one operation. One step is about 0.1 µs on one core. Two sides of 128
 * entries for one syscall need less than half of it, and what fits into a kernel filter (4096
 * instructions) far less.
 */
export function fullBudget(): Budget {
  return { left: 100_000 };
}

/** For work whose size the caller limits. */
export const unlimited: Budget = { left: Number.POSITIVE_INFINITY };

/** Thrown if a result would take too much work or have too many regions. */
export const tooMuch = Symbol('too much');

/** Takes steps from the budget, and throws {@link tooMuch} if it is used up. */
export function spend(budget: Budget, steps: number): void {
  budget.left -= steps;
  if (budget.left < 0) throw tooMuch;
}

/** Returns the result of `work`, or undefined if it is too much. */
export function orTooMuch<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (thrown) {
    if (thrown !== tooMuch) throw thrown;
    return undefined;
  }
}
