import type { Outcome } from '../algebra/outcome.ts';
import type { SeccompArg } from '../model.ts';

/** A rule as libseccomp gets it: conditions on different arguments that must all hold. */
export interface LoadedRule {
  readonly conditions: readonly SeccompArg[];
  readonly outcome: Outcome;
}

/** Why what libseccomp makes of a syscall's entries is not sure, and what may become of a call. */
export interface LoadDoubt {
  readonly why: string;
  /** Every outcome that a call may have, the default included. */
  readonly outcomes: readonly Outcome[];
  /** Whether it depends on the entries of other syscalls too. */
  readonly dependsOnOthers: boolean;
}
