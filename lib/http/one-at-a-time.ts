import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** The requests of one connection that have no answer yet. */
interface Line {
  length: number;
  /** Resolves when the answer to the last one has left. */
  last: Promise<void>;
}

/**
 * Begins a request only when the answer to the one before it on the same connection has left. HTTP
 * lets clients send requests without waiting (RFC 9112, 9.3.2): hundreds fit into one packet, and
 * their answers would all wait in memory for a client that reads nothing. A connection with more
 * than `most` requests that have no answer yet is cut: Node stops reading for the answers that
 * wait, not for these.
 */
export function serveOneAtATime(app: FastifyInstance, most: number): void {
  const lines = new WeakMap<Socket, Line>();
  app.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    const line = lines.get(socket) ?? { length: 0, last: Promise.resolve() };
    lines.set(socket, line);
    const before = line.last;
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    line.last = gone;
    line.length++;
    reply.raw.once('close', () => {
      line.length--;
      resolve();
    });
    if (line.length > most) socket.destroy();
    await before;
    if (socket.destroyed) reply.hijack(); // the client has gone
  });
}
