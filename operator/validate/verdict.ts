import { withNextStep } from '#lib/text/sentence';

/** Why an object is refused. */
export interface Violation {
  /** As Kubernetes writes it: `spec.syscalls[3].action`. */
  readonly field: string;
  /** What is wrong with the value, which is quoted. */
  readonly problem: string;
  /** The next step, as a sentence. */
  readonly fix: string;
}

/** Something that is probably not meant, in an object that is accepted. */
export interface Warning {
  readonly field: string;
  readonly message: string;
}

/** What a validation finds. An object with violations must not be stored, nor be installed. */
export interface Verdict {
  readonly violations: readonly Violation[];
  readonly warnings: readonly Warning[];
}

/** Returns a violation as text: the field, what is wrong, and how to correct it. */
export function describeViolation({ field, problem, fix }: Violation): string {
  return withNextStep(`${field === '' ? '' : `${field}: `}${problem}`, fix);
}

/** Violations that a condition names. */
const mostInCondition = 3;

/** Returns violations as the message of a condition: the first, and how many others there are. */
export function describeViolations(violations: readonly Violation[]): string {
  const listed = violations.slice(0, mostInCondition).map(describeViolation).join(' ');
  const more = violations.length - mostInCondition;
  return more > 0 ? `${listed} And ${more} more.` : listed;
}

/** Returns a verdict with several in one, in their order. */
export function joinVerdicts(...verdicts: readonly Verdict[]): Verdict {
  return {
    violations: verdicts.flatMap(({ violations }) => violations),
    warnings: verdicts.flatMap(({ warnings }) => warnings),
  };
}

/** Returns a verdict that only refuses. */
export function refusing(violations: readonly Violation[]): Verdict {
  return { violations, warnings: [] };
}

/**
 * Returns the violations of a changed object that it did not have before. An object that was stored
 * before its rules existed can so be changed elsewhere, and be deleted; it stays invalid, and
 * nothing installs it.
 */
export function introduced(now: readonly Violation[], before: readonly Violation[]): readonly Violation[] {
  const known = new Set(before.map(describeViolation));
  return now.filter((violation) => !known.has(describeViolation(violation)));
}
