import type { Server } from 'node:tls';

/** A certificate chain and its private key, as PEM. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
  /** Certificates of the authorities that vouch for clients, if these have to show one. */
  readonly ca?: string | undefined;
}

/** A certificate and its key that servers use, and that may be replaced while they run. */
export class ServedTls {
  readonly #servers = new Set<Server>();
  #pair: TlsPair;

  constructor(pair: TlsPair) {
    this.#pair = pair;
  }

  /** The pair that is in use. */
  get pair(): TlsPair {
    return this.#pair;
  }

  /** Has a server use each pair that replaces this one, until it is closed. */
  serve(server: Server): void {
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
  }

  /** Has all servers use another pair for new connections. */
  replace(pair: TlsPair): void {
    this.#pair = pair;
    for (const server of this.#servers) server.setSecureContext({ ...pair });
  }
}
