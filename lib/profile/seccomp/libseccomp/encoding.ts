import type { Outcome } from '../algebra/outcome.ts';
import type { SeccompArg } from '../model.ts';

/**
 * What a runtime is told about one syscall: conditions (none: any arguments) and what happens then.
 */
export interface EncodedRule {
  readonly args: readonly SeccompArg[];
  readonly outcome: Outcome;
}

/** The rules that say a decision, and whether they say it exactly. */
export interface Encoding {
  readonly rules: readonly EncodedRule[];
  readonly exact: boolean;
}
