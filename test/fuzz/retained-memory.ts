import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * The most bytes that may stay: code that is compiled late, and what the collector misses. A leak
 * of 100 bytes for each input shows.
 */
const allowed = 8 * 2 ** 20;

/**
 * Watches that inputs leave no memory behind. What the process holds tells nothing: V8 keeps pages
 * for garbage to come, and grows to some 300 MiB over inputs of which nothing stays. So what counts
 * is what a full collection leaves.
 */
export class RetainedMemory {
  readonly #warm: number;
  #before: number | undefined;

  /**
   * @param seconds how long inputs will come; the first quarter of it, in which code is loaded,
   * does not count.
   */
  constructor(seconds: number) {
    this.#warm = performance.now() + seconds * 250;
  }

  /** To be called before each input. */
  beforeInput(): void {
    if (this.#before === undefined && performance.now() >= this.#warm) this.#before = retained();
  }

  /**
   * Returns how many MiB more than after the first quarter stay.
   *
   * @param seed what the inputs come from, for the message.
   * @throws AssertionError if they are more than what may.
   */
  check(seed: number): number {
    const grown = retained() - (this.#before ?? 0);
    const inMiB = grown / 2 ** 20;
    assert.ok(this.#before !== undefined, 'no input came after the first quarter');
    assert.ok(grown <= allowed, `seed ${seed}: ${inMiB.toFixed(1)} MiB of memory stayed`);
    return inMiB;
  }
}

/** Bytes that are in use after a full collection, on the heap and beside it. */
function retained(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What has to be finalized goes with the second.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
