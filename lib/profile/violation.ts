import { FairleadError } from '#lib/errors';

/** A place in a profile for which a runtime or node refuses it. */
export interface Violation {
  /** JSON pointer into the profile (RFC 6901); empty for the whole of it. */
  readonly pointer: string;
  readonly message: string;
}

/** At most this many violations are named. */
const shown = 20;

/** Throws ProfileInvalid naming the violations, if there are any, after what they mean. */
export function refuseViolations(violations: readonly Violation[], meaning: string, hint: string): void {
  if (violations.length === 0) return;
  const named = violations
    .slice(0, shown)
    .map(({ pointer, message }) => `${pointer === '' ? '' : `at ${pointer}: `}${message}`);
  if (violations.length > shown) named.push(`and ${violations.length - shown} more`);
  const [{ pointer } = { pointer: '' }] = violations;
  const place = pointer === '' ? {} : { pointer };
  throw new FairleadError('ProfileInvalid', `${meaning}: ${named.join('; ')}`, { hint, ...place });
}
