/**
 * Lets heavy work of many callers run one piece after another, each in a turn of the event loop of its own: what else waits for the
 * process, such as a probe of its health, is answered in between.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is the caller's turn. What is done from there to the next `await` is one piece. */
  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#next());
    });
  }

  #next(): void {
    this.#waiting[0]?.();
    // Not before the work of this turn is done: it runs as soon as this function returns.
    setImmediate(() => {
      this.#waiting.shift();
      if (this.#waiting.length > 0) this.#next();
    });
  }
}
