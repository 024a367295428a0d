import { FairleadError } from '#lib/errors';
import { type ExpectedProvenance, provenanceProblem } from '../../policy/provenance.ts';

/**
 * Throws SignatureInvalid unless a predicate is provenance as expected. Nothing is checked if
 * nothing is expected: the predicate may be of any type.
 */
export function assertProvenance(predicate: unknown, expected: ExpectedProvenance): void {
  if (Object.keys(expected).length === 0) return;
  const problem = provenanceProblem(predicate, expected);
  if (problem !== undefined) throw new FairleadError('SignatureInvalid', problem);
}
