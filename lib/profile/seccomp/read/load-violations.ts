import type { Violation } from '../../violation.ts';
import { maxLoadableErrno, type Outcome, outcomeOf, sameOutcome } from '../algebra/outcome.ts';
import { loadedRules } from '../libseccomp/load-cost.ts';
import type { SeccompAction, SeccompArg, SeccompProfile } from '../model.ts';

/**
 * Returns what libseccomp refuses of a profile, so that no container starts with it under any
 * runtime, each with its JSON pointer: error numbers that are too high, and an entry that repeats
 * the conditions of another with another result. Runtimes that check more refuse more; see
 * portabilityViolations.
 */
export function loadViolations(profile: SeccompProfile): readonly Violation[] {
  const { defaultAction, defaultErrnoRet, syscalls = [] } = profile;
  return [
    ...errnoViolations('/defaultErrnoRet', defaultAction, defaultErrnoRet),
    ...syscalls.flatMap(({ action, errnoRet }, index) =>
      errnoViolations(`/syscalls/${index}/errnoRet`, action, errnoRet),
    ),
    ...contradictions(profile),
  ];
}

function errnoViolations(pointer: string, action: SeccompAction, errno: number | undefined): readonly Violation[] {
  if (errno === undefined || action !== 'SCMP_ACT_ERRNO' || (errno & 0xffff) <= maxLoadableErrno) return [];
  return [{ pointer, message: `${errno} is above ${maxLoadableErrno}, the highest that libseccomp accepts` }];
}

interface Placed {
  readonly outcome: Outcome;
  readonly entry: number;
}

function contradictions({ defaultAction, defaultErrnoRet, syscalls = [] }: SeccompProfile): readonly Violation[] {
  const byDefault = outcomeOf(defaultAction, defaultErrnoRet);
  const seen = new Map<string, Placed>();
  // What follows an entry without conditions is ignored.
  const decided = new Set<string>();
  const violations: Violation[] = [];
  for (const [entry, { names, action, errnoRet, args = [] }] of syscalls.entries()) {
    const outcome = outcomeOf(action, errnoRet);
    // Runtimes leave such entries out.
    if (sameOutcome(outcome, byDefault)) continue;
    for (const conditions of loadedRules(args)) {
      const text = textOf(conditions);
      for (const name of names) {
        if (decided.has(name)) continue;
        if (text === '') {
          decided.add(name);
          continue;
        }
        const key = `${name} ${text}`;
        const other = seen.get(key);
        if (other === undefined) seen.set(key, { outcome, entry });
        else if (!sameOutcome(other.outcome, outcome)) {
          const message = `${name} has the conditions of entry ${other.entry} with another result`;
          violations.push({ pointer: `/syscalls/${entry}`, message });
        }
      }
    }
  }
  return violations;
}

function textOf(conditions: readonly SeccompArg[]): string {
  return conditions
    .toSorted((a, b) => a.index - b.index)
    .map(
      ({ index, op, value, valueTwo = 0n }) => `${index} ${op} ${value} ${op === 'SCMP_CMP_MASKED_EQ' ? valueTwo : ''}`,
    )
    .join();
}
