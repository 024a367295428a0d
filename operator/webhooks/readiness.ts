import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { BindingSource } from '../kube/list-bindings.ts';

/** How long an answer holds, in milliseconds. */
const holds = 1000;

interface Probe {
  readonly began: number;
  readonly result: Promise<boolean>;
  ended: boolean;
}

/**
 * Whether the operator can list bindings. One probe of the API server serves all who ask within a
 * second of its beginning, and while it goes on.
 */
export class Readiness {
  readonly #source: BindingSource;
  readonly #log: FastifyBaseLogger;
  #last: Probe | undefined;

  constructor(source: BindingSource, log: FastifyBaseLogger) {
    this.#source = source;
    this.#log = log;
  }

  /**
   * Reports whether bindings can be listed. The reason why not is in the log: whoever reaches the
   * port may ask, and learns nothing of the cluster.
   */
  isReady(): Promise<boolean> {
    if (this.#last === undefined || (this.#last.ended && performance.now() - this.#last.began > holds)) {
      const probe: Probe = { began: performance.now(), result: this.#probe(), ended: false };
      void probe.result.finally(() => {
        probe.ended = true;
      });
      this.#last = probe;
    }
    return this.#last.result;
  }

  async #probe(): Promise<boolean> {
    try {
      await this.#source.probe();
      return true;
    } catch (thrown) {
      this.#log.error({ err: toFairleadError(thrown) }, 'not ready');
      return false;
    }
  }
}
