import type { RequestListener } from 'node:http';
import { Server, type ServerOptions } from 'node:https';
import type { TLSSocket } from 'node:tls';

/**
 * An HTTPS server that counts the times of a request from its first byte. Node counts them from the
 * handshake, but clients in Go, as API servers are, open connections that they use later: if such a
 * connection were closed when its first request is on the way, that request would be lost.
 */
export class HttpsServer extends Server {
  /** The connections on which no byte has arrived. */
  readonly #unused = new Set<TLSSocket>();

  /** @param idle milliseconds from the handshake to the first request on the connection. */
  constructor(options: ServerOptions, handler: RequestListener, idle: number) {
    super(options, handler);
    const serve = this.listeners('secureConnection');
    this.removeAllListeners('secureConnection');
    this.on('secureConnection', (socket) => {
      this.#unused.add(socket);
      const end = (): void => void socket.destroy();
      socket.setTimeout(idle, end);
      socket.once('error', end);
      const release = (): void => void this.#unused.delete(socket);
      socket.once('close', release);
      socket.once('data', (piece: Buffer) => {
        release();
        socket.pause();
        socket.setTimeout(0, end);
        socket.off('timeout', end).off('error', end).off('close', release);
        socket.unshift(piece);
        for (const listener of serve) listener.call(this, socket);
        socket.resume();
      });
    });
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    for (const socket of this.#unused) socket.destroy();
  }
}
