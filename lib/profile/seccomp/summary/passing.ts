import type { Box } from '../algebra/box.ts';
import { everything } from '../algebra/box.ts';
import { fullBudget } from '../algebra/budget.ts';
import type { Decision } from '../algebra/decision.ts';
import { levelsOf } from '../algebra/decision.ts';
import type { Outcome } from '../algebra/outcome.ts';
import { outcomeOf, strictness } from '../algebra/outcome.ts';
import { partition } from '../algebra/regions.ts';

const logged = strictness(outcomeOf('SCMP_ACT_LOG', undefined));
const refused = strictness(outcomeOf('SCMP_ACT_ERRNO', undefined));

/** Reports whether a call is made: it is allowed, or allowed and logged. */
export function isPassing(outcome: Outcome): boolean {
  return strictness(outcome) <= logged;
}

/**
 * Reports whether a call is certainly not made: of one that a listener or a tracer decides about,
 * that is not known.
 */
export function isRefused(outcome: Outcome): boolean {
  return strictness(outcome) >= refused;
}

/** The calls that a decision lets pass and the others, in boxes of which no two overlap. */
export interface Passing {
  readonly passing: readonly Box[];
  readonly others: readonly Box[];
}

/** Returns which calls pass; undefined if there are too many conditions to tell. */
export function passingOf(decision: Decision): Passing | undefined {
  if (decision.regions.length === 0) {
    return isPassing(decision.otherwise)
      ? { passing: [everything], others: [] }
      : { passing: [], others: [everything] };
  }
  const parts = partition(decision, fullBudget());
  if (parts === undefined) return undefined;
  const boxes = (wanted: boolean) => parts.filter(({ outcome }) => isPassing(outcome) === wanted).map(({ box }) => box);
  return { passing: boxes(true), others: boxes(false) };
}

/** Reports whether a decision refuses every call, whatever its arguments. */
export function refusesAll(decision: Decision): boolean {
  return levelsOf(decision).least >= refused;
}
