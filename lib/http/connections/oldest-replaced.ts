import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { clientOf } from './client.ts';
import type { ConnectionBound } from './connection-bound.ts';

/**
 * Bounds the connections of a server by replacing old ones. At the limit a new connection replaces
 * the oldest one of the client that holds the most: refusing it instead would let two clients that
 * open theirs again and again keep everybody else out. Those of clients that have shown a
 * certificate of the authorities are counted apart, and never replaced.
 */
export class OldestReplaced implements ConnectionBound {
  readonly #most: number;
  /** By client, then by address and port; each client in the order in which it opened them. */
  readonly #counted = new Map<string, Map<string, Socket>>();
  #count = 0;
  #exempt = 0;

  /** @param most how many connections there may be, and how many exempt ones besides. */
  constructor(most: number) {
    this.#most = most;
  }

  attach(server: Server): void {
    // Before the server itself begins a handshake.
    server.prependListener('connection', (socket: Socket) => this.#admit(socket));
    server.on('secureConnection', (socket: TLSSocket) => {
      if (socket.authorized) this.#exemptClient(socket);
    });
  }

  /** Counts a new connection until it is closed. Destroys another one if there are too many. */
  #admit(socket: Socket): void {
    const { client, name } = namesOf(socket);
    // The client has gone already.
    if (client === undefined) return;
    const held = this.#counted.get(client) ?? new Map<string, Socket>();
    this.#counted.set(client, held.set(name, socket));
    this.#count += 1;
    socket.once('close', () => this.#release(client, name, socket));
    if (this.#count > this.#most) this.#destroyOne();
  }

  /** Takes the connection that carries a TLS session out of the count. */
  #exemptClient(session: TLSSocket): void {
    const { client, name } = namesOf(session);
    if (this.#exempt >= this.#most || client === undefined) return;
    const socket = this.#counted.get(client)?.get(name);
    if (socket === undefined) return;
    this.#release(client, name, socket);
    this.#exempt += 1;
    socket.once('close', () => {
      this.#exempt -= 1;
    });
  }

  #destroyOne(): void {
    const [first, ...others] = this.#counted;
    if (first === undefined) return;
    const [client, held] = others.reduce((most, each) => (each[1].size > most[1].size ? each : most), first);
    for (const [name, oldest] of held) {
      this.#release(client, name, oldest);
      oldest.destroy();
      return;
    }
  }

  #release(client: string, name: string, socket: Socket): void {
    const held = this.#counted.get(client);
    if (held?.get(name) !== socket) return;
    held.delete(name);
    this.#count -= 1;
    if (held.size === 0) this.#counted.delete(client);
  }
}

function namesOf({ remoteAddress, remotePort }: Socket): {
  readonly client: string | undefined;
  readonly name: string;
} {
  const client = remoteAddress === undefined || remotePort === undefined ? undefined : clientOf(remoteAddress);
  return { client, name: `${remoteAddress} ${remotePort}` };
}
