import type { FastifyBaseLogger } from 'fastify';
import type { Refusal } from '#lib/http/error-answer';

/** Milliseconds from one line to the next. */
const interval = 1000;

/** Logs at most one refused request per second, with the number of refusals since the last line. */
export class RefusalLog {
  readonly #log: FastifyBaseLogger;
  #last = Number.NEGATIVE_INFINITY;
  #refusals = 0;

  constructor(log: FastifyBaseLogger) {
    this.#log = log;
  }

  add({ thrown }: Refusal): void {
    this.#refusals++;
    if (performance.now() - this.#last < interval) return;
    this.#last = performance.now();
    this.#log.warn({ err: thrown, refusals: this.#refusals }, 'requests refused');
    this.#refusals = 0;
  }
}
