/** A request that waits for its part of a {@link FairBudget}. */
interface Waiter {
  readonly amount: number;
  readonly grant: () => void;
}

/**
 * An amount, of bytes or of places, that is lent to several owners and given back. No owner has
 * more than `share` at a time. Owners that wait take turns, one request of each after the other, so
 * that an owner with a thousand requests delays the others for the time of one only.
 *
 * It is our own since limiters such as p-limit know neither owners nor amounts, and do not remove a
 * request from their queue when its caller gives up.
 */
export class FairBudget {
  readonly #share: number;
  #free: number;
  readonly #lent = new Map<string, number>();
  /** The requests of each owner, oldest first; the owner whose turn is next comes first. */
  readonly #waiting = new Map<string, Waiter[]>();

  /** Lends at most `total`, and at most `share` of it to one owner. */
  constructor({ total, share }: { readonly total: number; readonly share: number }) {
    this.#free = total;
    this.#share = share;
  }

  /**
   * Waits until `owner` has `amount`, and returns the function that gives it back (once). Rejects
   * with the reason of `signal` if it aborts first. An amount above the share is never granted.
   */
  acquire(owner: string, amount: number, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const leave = (): void => {
        this.#remove(owner, waiter);
        reject(signal.reason);
        this.#serve();
      };
      const waiter: Waiter = {
        amount,
        grant: () => {
          signal.removeEventListener('abort', leave);
          resolve(this.#lend(owner, amount));
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      const queue = this.#waiting.get(owner);
      if (queue === undefined) this.#waiting.set(owner, [waiter]);
      else queue.push(waiter);
      this.#serve();
    });
  }

  /**
   * Grants in turns what can be granted. A request that waits for the total is not overtaken by
   * those that need less.
   */
  #serve(): void {
    for (let served = true; served; ) {
      served = false;
      for (const [owner, [first]] of this.#waiting) {
        if (first === undefined || (this.#lent.get(owner) ?? 0) + first.amount > this.#share) continue;
        if (first.amount > this.#free) return;
        this.#remove(owner, first);
        const rest = this.#waiting.get(owner);
        if (rest !== undefined) {
          this.#waiting.delete(owner);
          this.#waiting.set(owner, rest);
        }
        first.grant();
        served = true;
        break;
      }
    }
  }

  #lend(owner: string, amount: number): () => void {
    this.#free -= amount;
    this.#lent.set(owner, (this.#lent.get(owner) ?? 0) + amount);
    let isLent = true;
    return () => {
      if (!isLent) return;
      isLent = false;
      this.#free += amount;
      const left = (this.#lent.get(owner) ?? 0) - amount;
      if (left === 0) this.#lent.delete(owner);
      else this.#lent.set(owner, left);
      this.#serve();
    };
  }

  #remove(owner: string, waiter: Waiter): void {
    const left = (this.#waiting.get(owner) ?? []).filter((other) => other !== waiter);
    if (left.length === 0) this.#waiting.delete(owner);
    else this.#waiting.set(owner, left);
  }
}
