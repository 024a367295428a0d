import type { Server, Socket } from 'node:net';
import { clientOf } from './client.ts';
import type { ConnectionBound } from './connection-bound.ts';

/** Connections at a time. */
export interface ConnectionShares {
  /** Of all clients. More are closed at once. */
  readonly all: number;
  /** Of one client. Behind a load balancer all clients are one. */
  readonly ofOneClient: number;
  /**
   * Of all, those that only clients get that hold none: a probe of the health gets in whatever the
   * others do.
   */
  readonly keptForNewClients: number;
}

/**
 * Bounds the connections of a server by refusing new ones: a request whose work has begun is not
 * given up for one that has not.
 */
export class NewcomersRefused implements ConnectionBound {
  readonly #shares: ConnectionShares;
  readonly #byClient = new Map<string, number>();
  #all = 0;

  constructor(shares: ConnectionShares) {
    this.#shares = shares;
  }

  attach(server: Server): void {
    // Beyond these not even a socket is made.
    server.maxConnections = this.#shares.all;
    server.on('connection', (socket: Socket) => {
      if (!this.#admit(socket)) socket.destroy();
    });
  }

  /** Counts a connection until it is closed; returns false if its client has to close one first. */
  #admit(socket: Socket): boolean {
    const { all, ofOneClient, keptForNewClients } = this.#shares;
    const client = clientOf(socket.remoteAddress ?? '');
    const held = this.#byClient.get(client) ?? 0;
    if (held >= ofOneClient || (held > 0 && this.#all >= all - keptForNewClients)) return false;
    this.#all++;
    this.#byClient.set(client, held + 1);
    socket.once('close', () => {
      this.#all--;
      const left = (this.#byClient.get(client) ?? 1) - 1;
      if (left === 0) this.#byClient.delete(client);
      else this.#byClient.set(client, left);
    });
    return true;
  }
}
