import { FairleadError } from '#lib/errors';

/** What came of something that may find a signature invalid: a value, or the reason. */
export type Attempt<T> = { readonly value: T } | { readonly reason: string };

/** Returns the value, or the reason of a SignatureInvalid. Throws every other error. */
export function attempt<T>(make: () => T): Attempt<T> {
  try {
    return { value: make() };
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'SignatureInvalid') return { reason: error.message };
    throw error;
  }
}
