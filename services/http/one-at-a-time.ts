import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Begins a request only when the answer to the one before it on the same connection has left. HTTP lets clients send requests without
 * waiting (RFC 9112, 9.3.2): hundreds fit into one packet, and their answers would all wait in memory for a client that reads nothing.
 */
export function serveOneAtATime(app: FastifyInstance): void {
  const lastOf = new WeakMap<Socket, Promise<void>>();
  app.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    const before = lastOf.get(socket);
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    reply.raw.once('close', resolve);
    lastOf.set(socket, gone);
    await before;
    if (socket.destroyed) reply.hijack(); // nobody is there to be answered
  });
}
