import type { SeccompAction } from '../model.ts';

/**
 * What happens to one call: an action with, for SCMP_ACT_ERRNO and SCMP_ACT_TRACE, the number that
 * it returns.
 */
export interface Outcome {
  /** Never SCMP_ACT_KILL, which is another name of SCMP_ACT_KILL_THREAD. */
  readonly action: SeccompAction;
  readonly errno?: number;
}

/** EPERM, which runtimes return if a profile has no errnoRet. */
export const defaultErrno = 1;

/** What a kernel does with a call that it does not implement. */
export const enosys: Outcome = { action: 'SCMP_ACT_ERRNO', errno: 38 };

/** The order of KEP-6061, "Merge": a higher number is stricter. */
const strictnessOf: Readonly<Record<SeccompAction, number>> = {
  SCMP_ACT_KILL_PROCESS: 7,
  SCMP_ACT_KILL_THREAD: 6,
  SCMP_ACT_KILL: 6,
  SCMP_ACT_TRAP: 5,
  SCMP_ACT_ERRNO: 4,
  SCMP_ACT_NOTIFY: 3,
  SCMP_ACT_TRACE: 2,
  SCMP_ACT_LOG: 1,
  SCMP_ACT_ALLOW: 0,
};

const plain = Object.fromEntries(
  Object.keys(strictnessOf).map((action) => [action, { action: action as SeccompAction }]),
) as Record<SeccompAction, Outcome>;

/** Reports whether an action returns an error number, to the program or to its tracer. */
export function returnsErrno(action: SeccompAction): boolean {
  return action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE';
}

/**
 * Returns the outcome of an action as a runtime reads it: aliases resolved, errnoRet filled in or
 * ignored, cut to 16 bits.
 */
export function outcomeOf(action: SeccompAction, errnoRet: number | undefined): Outcome {
  if (returnsErrno(action)) {
    return { action, errno: (errnoRet ?? defaultErrno) & 0xffff };
  }
  return plain[action === 'SCMP_ACT_KILL' ? 'SCMP_ACT_KILL_THREAD' : action];
}

/** The highest number that libseccomp takes for SCMP_ACT_ERRNO; the kernel has one more. */
export const maxLoadableErrno = 4094;

/**
 * Returns an outcome with EPERM in place of a number that libseccomp refuses, so that nothing made
 * of it is refused.
 */
export function loadable(outcome: Outcome): Outcome {
  if (outcome.action !== 'SCMP_ACT_ERRNO' || (outcome.errno ?? defaultErrno) <= maxLoadableErrno) return outcome;
  return { action: outcome.action, errno: defaultErrno };
}

/** Returns how strict an outcome is; errno numbers do not count. */
export function strictness(outcome: Outcome): number {
  return strictnessOf[outcome.action];
}

/**
 * Returns the stricter of two outcomes; of equally strict ones the first (KEP-6061: the earliest
 * input's errno stays).
 */
export function stricter(first: Outcome, second: Outcome): Outcome {
  return strictness(second) > strictness(first) ? second : first;
}

/** Returns the laxer of two outcomes; of equally lax ones the first. */
export function laxer(first: Outcome, second: Outcome): Outcome {
  return strictness(second) < strictness(first) ? second : first;
}

export function sameOutcome(a: Outcome, b: Outcome): boolean {
  return a === b || (a.action === b.action && a.errno === b.errno);
}

/** Returns an outcome as text: `SCMP_ACT_ERRNO(1)`. */
export function describeOutcome(outcome: Outcome): string {
  return outcome.errno === undefined ? outcome.action : `${outcome.action}(${outcome.errno})`;
}
