/** How delays grow while something fails. */
export interface Backoff {
  /** Milliseconds before the first repetition. */
  readonly initialMs: number;
  /** Most milliseconds between two repetitions. */
  readonly maxMs: number;
}

/** The longest delay of a timer of Node.js; a longer one would end at once. */
export const maxTimerMs = 2 ** 31 - 1;

/**
 * Returns the milliseconds to wait after the `failures`th failure in a row: twice as many after
 * each, and a random part of up to a half less, so that clients that failed together do not come
 * back together.
 */
export function backoffDelay({ initialMs, maxMs }: Backoff, failures: number, random = Math.random()): number {
  const full = Math.min(maxMs, initialMs * 2 ** Math.min(failures - 1, 40), maxTimerMs);
  return Math.round(full * (1 - random / 2));
}

/**
 * Returns the milliseconds to wait if the other side has asked for `wanted` of them: at least
 * these, and up to a quarter more.
 */
export function atLeast(wanted: number | undefined, delay: number, random = Math.random()): number {
  if (wanted === undefined) return delay;
  return Math.min(maxTimerMs, Math.max(delay, Math.round(wanted * (1 + random / 4))));
}
