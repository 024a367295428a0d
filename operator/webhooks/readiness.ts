import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { AdmissionSource } from '../kube/admission-source.ts';

/** How long an answer is valid, in milliseconds. */
const holds = 1000;

interface Probe {
  readonly began: number;
  readonly result: Promise<boolean>;
  ended: boolean;
}

/**
 * The readiness of the operator: whether it can decide on pods. One probe of the API server serves
 * all who ask within a second of its beginning, and while it runs.
 */
export class Readiness {
  readonly #source: AdmissionSource;
  readonly #log: FastifyBaseLogger;
  #last: Probe | undefined;

  constructor(source: AdmissionSource, log: FastifyBaseLogger) {
    this.#source = source;
    this.#log = log;
  }

  /**
   * Reports whether pods can be decided on. If not, the log has the reason: the answer must reveal
   * nothing of the cluster, because any client may ask.
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
