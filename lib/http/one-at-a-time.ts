import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** The requests of one connection whose answers have not left. */
interface Line {
  readonly answers: Set<ServerResponse>;
  /** Resolves when the answer to the last one has left. */
  last: Promise<void>;
}

/**
 * Begins a request only when the answer to the one before it on the same connection has left. HTTP
 * lets clients send requests without waiting (RFC 9112, 9.3.2): hundreds fit into one packet, and
 * their answers would all wait in memory for a client that reads nothing. A connection with more
 * than `most` requests that have no answer yet is cut: Node stops reading for the answers that
 * wait, not for these.
 *
 * An answer that is complete does not count. Its last byte may have reached the client, and the
 * next request us, before Node reports that it has left.
 */
export function serveOneAtATime(app: FastifyInstance, most: number): void {
  const lines = new WeakMap<Socket, Line>();
  app.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    const line = lines.get(socket) ?? { answers: new Set(), last: Promise.resolve() };
    lines.set(socket, line);
    const before = line.last;
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    line.last = gone;
    line.answers.add(reply.raw);
    reply.raw.once('close', () => {
      line.answers.delete(reply.raw);
      resolve();
    });
    const waiting = [...line.answers].filter(({ writableEnded }) => !writableEnded);
    if (waiting.length > most) socket.destroy();
    await before;
    if (socket.destroyed) reply.hijack(); // the client has gone
  });
}
