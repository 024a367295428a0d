import { FairleadError } from '#lib/errors';

/**
 * Runs a pull within a number of milliseconds in all: waiting for its turn, for credentials, for
 * every request and its repetitions. The signal that the work gets then aborts with Unavailable,
 * and for the reason of `signal` if that aborts first.
 */
export async function withinBudget<T>(
  name: string,
  milliseconds: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const spent = new AbortController();
  const timer = setTimeout(() => spent.abort(tooLong(name, milliseconds)), milliseconds);
  try {
    return await work(AbortSignal.any([signal, spent.signal]));
  } finally {
    clearTimeout(timer);
  }
}

function tooLong(name: string, milliseconds: number): FairleadError {
  return new FairleadError('Unavailable', `the pull of ${name} took longer than ${milliseconds / 1000} s`, {
    hint: 'The registry, or a proxy before it, does not answer or is too slow. Check that it is healthy.',
  });
}
