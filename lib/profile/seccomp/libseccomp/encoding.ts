import type { Outcome } from '../algebra/outcome.ts';
import type { SeccompArg } from '../model.ts';

/** A rule for one syscall: its conditions, without which it matches every call, and its result. */
export interface EncodedRule {
  readonly args: readonly SeccompArg[];
  readonly outcome: Outcome;
}

/** The rules of a decision, and whether they express it exactly. */
export interface Encoding {
  readonly rules: readonly EncodedRule[];
  readonly exact: boolean;
}
