/**
 * How long newcomers may hold up a turn, in milliseconds: they get most of the time, and work goes
 * on however many there are.
 */
const longestWelcome = 20;

/**
 * Lets heavy work of many callers run one piece after another, each in a turn of the event loop of
 * its own: what else waits for the process, such as a probe of its health, is answered in between.
 */
export class Turns {
  readonly #waiting: (() => void)[] = [];
  readonly #newcomers: () => number;

  /**
   * `newcomers` counts the connections that were accepted so far, in a process that serves some.
   * The event loop accepts one in each of its turns, in their order: with a piece of work in each,
   * a probe would wait for as many pieces as there are connections before it. So no piece begins in
   * a turn in which one was accepted, unless that has gone on for a while.
   */
  constructor(newcomers: () => number = () => 0) {
    this.#newcomers = newcomers;
  }

  /**
   * Resolves when it is the caller's turn. What is done from there to the next `await` is one
   * piece.
   */
  take(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#welcome();
    });
  }

  /** Begins the next piece as soon as nobody new has come. */
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
