import { X509Certificate } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { TlsFiles } from '#lib/http/tls-files';

const reloadMs = 10_000;
const dayMs = 24 * 60 * 60 * 1000;
const warnDaysBefore = 30;

/**
 * Uses a certificate that is replaced while the operator runs, and warns before one expires, at the
 * start and once a day.
 */
export class FollowedCertificate {
  readonly #tls: TlsFiles;
  readonly #log: FastifyBaseLogger;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(tls: TlsFiles, log: FastifyBaseLogger) {
    this.#tls = tls;
    this.#log = log;
  }

  start(): void {
    this.#warnDaily();
    this.#timer = setInterval(() => void this.#check(), reloadMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #check(): Promise<void> {
    this.#warnDaily();
    try {
      if ((await this.#tls.reload()) === undefined) return;
      this.#log.info({ tlsCert: this.#tls.paths.cert }, 'TLS certificate replaced');
    } catch (thrown) {
      this.#log.error({ err: toFairleadError(thrown) }, 'TLS certificate not replaced; the one in use stays');
    }
  }

  /**
   * Warns of a certificate that has expired, or will soon: API servers then admit no pod in the
   * whole cluster.
   */
  #warnDaily(): void {
    if (Date.now() - this.#warnedAt < dayMs) return;
    this.#warnedAt = Date.now();
    const { validToDate } = new X509Certificate(this.#tls.pair.cert);
    const days = Math.floor((validToDate.getTime() - Date.now()) / dayMs);
    if (days >= warnDaysBefore) return;
    const what =
      days < 0
        ? 'has expired: API servers do not accept it, and admit no pod'
        : `expires in ${days} days: no pod is admitted from then on`;
    const message = `the TLS certificate ${what}; renew it (docs/guides/cluster.md)`;
    this.#log.warn({ expires: validToDate.toISOString() }, message);
  }
}
