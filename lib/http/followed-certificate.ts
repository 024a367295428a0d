import { X509Certificate } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { TlsFiles } from './tls-files.ts';

const reloadMs = 10_000;
const dayMs = 24 * 60 * 60 * 1000;
const warnDaysBefore = 30;

/** What an expired certificate leads to, for warnings. */
export interface ExpiryConsequence {
  /** What follows "has expired: ". */
  readonly expired: string;
  /** What follows "expires in 3 days: ". */
  readonly soon: string;
}

/**
 * Uses a certificate that is replaced while the process runs, and warns before one expires, at the
 * start and once a day.
 */
export class FollowedCertificate {
  readonly #tls: TlsFiles;
  readonly #log: FastifyBaseLogger;
  readonly #consequence: ExpiryConsequence;
  #inForce = true;
  #warnedAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(tls: TlsFiles, log: FastifyBaseLogger, consequence: ExpiryConsequence) {
    this.#tls = tls;
    this.#log = log;
    this.#consequence = consequence;
  }

  /** Whether the certificate in use is the one in the files; false if these cannot be used. */
  get inForce(): boolean {
    return this.#inForce;
  }

  start(): void {
    this.#warnDaily();
    this.#timer = setInterval(() => void this.reload(), reloadMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads the files again. If they cannot be used, logs an error and keeps the certificate. */
  async reload(): Promise<void> {
    this.#warnDaily();
    try {
      const replaced = await this.#tls.reload();
      this.#inForce = true;
      if (replaced === undefined) return;
      this.#log.info({ tlsCert: this.#tls.paths.cert }, 'TLS certificate replaced');
    } catch (thrown) {
      this.#inForce = false;
      this.#log.error({ err: toFairleadError(thrown) }, 'TLS certificate not replaced; the one in use stays');
    }
  }

  /** Warns of a certificate that has expired, or will soon. */
  #warnDaily(): void {
    if (Date.now() - this.#warnedAt < dayMs) return;
    this.#warnedAt = Date.now();
    const { validToDate } = new X509Certificate(this.#tls.pair.cert);
    const days = Math.floor((validToDate.getTime() - Date.now()) / dayMs);
    if (days >= warnDaysBefore) return;
    const { expired, soon } = this.#consequence;
    const what = days < 0 ? `has expired: ${expired}` : `expires in ${days} days: ${soon}`;
    const message = `the TLS certificate ${what}`;
    this.#log.warn({ expires: validToDate.toISOString() }, message);
  }
}
