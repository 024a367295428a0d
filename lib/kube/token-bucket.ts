import { setTimeout as sleep } from 'node:timers/promises';

/** Limits how often something happens: a burst at once, then once in each period. */
export class TokenBucket {
  readonly #burst: number;
  readonly #everyMs: number;
  #tokens: number;
  #filledAt = performance.now();
  #last: Promise<void> = Promise.resolve();

  constructor({ burst, everyMs }: { readonly burst: number; readonly everyMs: number }) {
    this.#burst = burst;
    this.#everyMs = everyMs;
    this.#tokens = burst;
  }

  /** Returns whether it may happen now. */
  take(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) / this.#everyMs);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Resolves when it may happen, for one caller after the other. */
  turn(): Promise<void> {
    this.#last = this.#last.then(async () => {
      while (!this.take()) await sleep(Math.ceil((1 - this.#tokens) * this.#everyMs));
    });
    return this.#last;
  }
}
