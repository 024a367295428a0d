import { FairleadError } from '#lib/errors';

/** Returns what was requested; undefined if it does not exist. Rejects with all other errors. */
export async function ifThere<T>(requested: Promise<T>): Promise<T | undefined> {
  try {
    return await requested;
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return undefined;
    throw error;
  }
}
