/** Who waits for a slot. */
interface Waiter {
  readonly key: string;
  readonly start: () => void;
}

/**
 * Lets few run at the same time, and fewer of the same key; the others wait, first come first
 * served.
 */
export class Slots {
  readonly #most: number;
  readonly #mostOfKey: number;
  readonly #running = new Map<string, number>();
  #total = 0;
  #waiting: Waiter[] = [];

  constructor({ most, mostOfKey }: { readonly most: number; readonly mostOfKey: number }) {
    this.#most = most;
    this.#mostOfKey = mostOfKey;
  }

  /**
   * Waits for a slot and returns the function that ends it, to be called once. Rejects with the
   * reason of the signal if that fires first; the slot goes to another then.
   */
  take(key: string, signal: AbortSignal): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const leave = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(signal.reason);
      };
      const waiter: Waiter = {
        key,
        start: () => {
          signal.removeEventListener('abort', leave);
          resolve(() => this.#end(key));
        },
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiter);
      this.#next();
    });
  }

  #end(key: string): void {
    this.#total--;
    const left = (this.#running.get(key) ?? 0) - 1;
    if (left > 0) this.#running.set(key, left);
    else this.#running.delete(key);
    this.#next();
  }

  #next(): void {
    for (const waiter of [...this.#waiting]) {
      if (this.#total >= this.#most) return;
      const ofKey = this.#running.get(waiter.key) ?? 0;
      if (ofKey >= this.#mostOfKey) continue;
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      this.#running.set(waiter.key, ofKey + 1);
      this.#total++;
      waiter.start();
    }
  }
}
