import type { FastifyBaseLogger } from 'fastify';
import { toFairleadError } from '#lib/errors';
import type { ServedTls } from '#lib/http/served-tls';
import { readAuthorities } from '#lib/http/tls-files';

const reloadMs = 10_000;

/** Uses the authorities of clients in a file that is replaced while the operator runs. */
export class FollowedAuthorities {
  readonly #timer: NodeJS.Timeout;

  constructor(file: string, tls: ServedTls, log: FastifyBaseLogger) {
    this.#timer = setInterval(() => {
      readAuthorities(file).then(
        (ca) => {
          if (ca === tls.pair.ca) return;
          tls.replace({ ...tls.pair, ca });
          log.info({ clientCa: file }, 'authorities of clients replaced');
        },
        (thrown) => log.error({ err: toFairleadError(thrown) }, 'authorities of clients not replaced'),
      );
    }, reloadMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
