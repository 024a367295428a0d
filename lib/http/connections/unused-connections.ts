import type { IncomingMessage } from 'node:http';
import type { Server, Socket } from 'node:net';

/**
 * The connections of a server over which no request has come, such as those that browsers open in
 * advance. Node does not take them for idle: a server that is closed would wait for their clients.
 */
export class UnusedConnections {
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  /** Follows the connections of a server, with TLS from the end of the handshake. */
  attach(server: Server, { tls }: { readonly tls: boolean }): void {
    server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      if (this.#isClosed) socket.destroy();
      else this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage) => this.#sockets.delete(socket));
  }

  /** Ends these connections, and those that are opened from now on. */
  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}
