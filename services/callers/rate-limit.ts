import { FairleadError } from '#lib/errors';
import { type Caller, describeCaller, identityOf } from './caller.ts';

/** Most identities that are remembered; the one that was seen longest ago is forgotten first. */
const maxIdentities = 10_000;

/** How often a caller may do something. */
export interface RateLimitOptions {
  readonly perMinute: number;
  /** Returns milliseconds of a clock that does not jump. */
  readonly now: () => number;
}

/**
 * Limits how often each caller may do something: up to `perMinute` times at once, and on average in
 * a minute.
 *
 * It is our own since one request publishes many profiles: @fastify/rate-limit counts requests.
 */
export class RateLimit {
  readonly #perMinute: number;
  readonly #now: () => number;
  /** What each caller has used, and when. */
  readonly #used = new Map<string, { readonly amount: number; readonly at: number }>();

  constructor({ perMinute, now }: RateLimitOptions) {
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /**
   * Counts what a caller does. Throws LimitExceeded, with the time after which to try again, if it
   * is too much now; nothing is counted then.
   */
  take(caller: Caller, amount: number): void {
    this.takeMore(caller, { taken: 0, amount });
  }

  /** Counts more of a request, of which a part is counted. Throws as take. */
  takeMore(caller: Caller, { taken, amount }: { readonly taken: number; readonly amount: number }): void {
    const most = `${describeCaller(caller)} may publish at most ${this.#perMinute} profiles a minute`;
    if (taken + amount > this.#perMinute) {
      throw new FairleadError('LimitExceeded', `${most}, and the request has ${taken + amount}`, {
        hint: 'Send fewer profiles in one request.',
      });
    }
    const identity = identityOf(caller);
    const at = this.#now();
    const before = this.#used.get(identity);
    const rate = this.#perMinute / 60_000;
    const left = before === undefined ? 0 : Math.max(0, before.amount - (at - before.at) * rate);
    if (left + amount > this.#perMinute) {
      const retryAfter = Math.max(1, Math.ceil((left + amount - this.#perMinute) / rate / 1000));
      throw new FairleadError('LimitExceeded', most, { retryAfter });
    }
    this.#used.delete(identity);
    this.#used.set(identity, { amount: left + amount, at });
    for (const oldest of this.#used.keys()) {
      if (this.#used.size <= maxIdentities) break;
      this.#used.delete(oldest);
    }
  }
}
