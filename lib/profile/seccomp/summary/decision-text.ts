import type { Decision } from '../algebra/decision.ts';
import { conditionText } from './condition-text.ts';
import { outcomesOf, outcomeText } from './outcome-text.ts';
import { isPassing } from './passing.ts';

/**
 * Returns what a profile does with a system call, as a predicate: `is allowed when the family is
 * AF_UNIX (1), otherwise fails with EPERM`.
 */
export function decisionText(syscall: string, decision: Decision): string {
  const texts = (passing: boolean): readonly string[] => [
    ...new Set(
      outcomesOf(decision)
        .filter((outcome) => isPassing(outcome) === passing)
        .map(outcomeText),
    ),
  ];
  const condition = conditionText(syscall, decision);
  if (condition === undefined) return outcomeText(decision.otherwise);
  return `${texts(true).join(' or ')} ${condition}, otherwise ${texts(false).join(' or ')}`;
}
