/**
 * How long newcomers may delay a turn, in milliseconds: they get most of the time, and work goes on
 * with any number of them.
 */
const longestWelcome = 20;

/**
 * Runs heavy work of many callers one piece after another, each in its own turn of the event loop:
 * other requests, such as a probe of the health, are answered in between.
 *
 * It is our own since limits of concurrency, such as p-limit, bound what runs at the same time, and
 * begin the next piece in the same turn of the event loop.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #newcomers: () => number;

  /**
   * `newcomers` returns how many connections a server has accepted so far. The event loop accepts
   * one in each of its turns, in order: with a piece of work in each turn, a probe would wait for
   * as many pieces as there are connections before it. Therefore no piece begins in a turn in which
   * one was accepted, unless newcomers have delayed it for a while.
   */
  constructor(newcomers: () => number = () => 0) {
    this.#newcomers = newcomers;
  }

  /**
   * Resolves when it is the caller's turn. The work from there to the next `await` is one piece.
   */
  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#welcome();
    });
  }

  /** Begins the next piece as soon as no connection was accepted meanwhile. */
  #welcome(since = performance.now()): void {
    const before = this.#newcomers();
    setImmediate(() => {
      if (this.#newcomers() === before || performance.now() - since > longestWelcome) this.#begin();
      else this.#welcome(since);
    });
  }

  #begin(): void {
    this.#waiting[0]?.();
    // Not before the work of this turn is done: it runs as soon as this function returns.
    setImmediate(() => {
      this.#waiting.shift();
      if (this.#waiting.length > 0) this.#welcome();
    });
  }
}
