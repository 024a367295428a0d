import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import { FairBudget } from '../../lib/concurrency/fair-budget.ts';
import { ConnectionLimit } from '../../lib/http/connection-limit.ts';

/**
 * Bytes of a review. A review of an update holds two pods, and no pod becomes so large that this
 * would not do (admit.ts).
 */
export const maxReviewBytes = 4 * 1024 * 1024;

/** Of all reviews that are read or decided at a time, and of those of one lane of one address. */
const bytesInFlight = { total: 4 * maxReviewBytes, share: maxReviewBytes };

/**
 * Bytes of a small review, which most are. They have a lane of their own: an API server sends the
 * reviews of everybody from one address, and a tenant who creates large pods would hold up those of
 * others.
 */
const smallReviewBytes = 128 * 1024;

/** How long a body may take to come once there is room for it, in milliseconds. */
const bodyTimeout = 2000;

/**
 * Connections at a time, and as many of clients with a certificate of the authorities besides. An
 * API server opens one for each call that it waits for.
 */
const maxConnections = 512;

/**
 * Limits of the HTTPS server, to be given to it when it is made, in milliseconds: who has not sent
 * a request after 5 s, when the API server has given up as well, is cut.
 */
export const serverTimeouts = {
  handshakeTimeout: 5000,
  headersTimeout: 5000,
  requestTimeout: 5000,
  /**
   * How long a connection may be idle: longer than an API server keeps one (90 s). Whoever closes
   * it first must not be we, or a review that is just sent on it is lost, and a pod refused.
   */
  keepAliveTimeout: 120_000,
  /** How often the others are looked after. */
  connectionsCheckingInterval: 1000,
};

/**
 * Bounds what clients can make the server hold, before anything of a body is read: connections; one
 * request at a time on each; bodies, which have to announce their length; and the bytes of all
 * requests from their first to the answer. Requests wait until there is room for them. Addresses,
 * and the small and large reviews of each, take turns in that, so that one that floods the server
 * holds others up for the time of a few requests.
 */
export function limitRequests(server: FastifyInstance): void {
  limitConnections(server);
  const budget = new FairBudget(bytesInFlight);
  const busy = new WeakSet<Socket>();
  server.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    if (busy.has(socket)) {
      // Clients may send requests without waiting for answers (RFC 9112, 9.3.2). The API server
      // does not.
      socket.destroy();
      reply.hijack();
      return;
    }
    busy.add(socket);
    const gone = new AbortController();
    reply.raw.once('close', () => {
      busy.delete(socket);
      gone.abort(new FairleadError('Unavailable', 'the client has gone'));
    });
    const bytes = announcedBytes(request);
    if (bytes === 0) return;
    const giveBack = await budget.acquire(
      `${request.ip} ${bytes > smallReviewBytes ? 'large' : 'small'}`,
      bytes,
      gone.signal,
    );
    const timer = setTimeout(() => {
      if (!request.raw.complete) socket.destroy();
    }, bodyTimeout);
    reply.raw.once('close', () => {
      clearTimeout(timer);
      giveBack();
    });
  });
}

function limitConnections({ server }: FastifyInstance): void {
  const limit = new ConnectionLimit(maxConnections);
  server.prependListener('connection', (socket: Socket) => limit.admit(socket));
  server.on('secureConnection', (socket: TLSSocket) => {
    if (socket.authorized) limit.exempt(socket);
  });
}

/**
 * Returns the length of a request's body. Throws InvalidInput or LimitExceeded for one that must
 * not be read.
 */
function announcedBytes({ method, headers }: FastifyRequest): number {
  if (method === 'GET' || method === 'HEAD') return 0;
  const length = headers['content-length'];
  if (length === undefined || headers['transfer-encoding'] !== undefined) {
    throw new FairleadError('InvalidInput', 'the request does not announce its length', {
      hint: 'Send a Content-Length, as API servers do.',
    });
  }
  const bytes = Number(length);
  if (bytes > maxReviewBytes) {
    throw new FairleadError(
      'LimitExceeded',
      `the request has ${length} bytes, and a review has at most ${maxReviewBytes}`,
    );
  }
  return bytes;
}
