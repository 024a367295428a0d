import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FairBudget } from '#lib/concurrency/fair-budget';
import { FairleadError } from '#lib/errors';
import type { ServerTimes } from '#lib/http/bounded-server';
import { clientOf } from '#lib/http/connections/client';

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
export const maxConnections = 512;

/**
 * How long clients may take, in milliseconds: who has not sent a request after 5 s, when the API
 * server has given up as well, is cut.
 */
export const times: ServerTimes = {
  head: 5000,
  request: 5000,
  /**
   * Longer than an API server keeps an idle connection (90 s). Whoever closes it first must not be
   * we, or a review that is just sent on it is lost, and a pod refused.
   */
  idle: 120_000,
  /** Nor may anyone hold a connection by not reading the answer. */
  silence: 15_000,
};

/**
 * Bounds what clients can make the server hold, before anything of a body is read: bodies, which
 * have to announce their length, and the bytes of all requests from their first to the answer.
 * Requests wait until there is room for them. Clients, and the small and large reviews of each,
 * take turns in that, so that one that floods the server holds others up for the time of a few
 * requests.
 */
export function limitRequests(server: FastifyInstance): void {
  const budget = new FairBudget(bytesInFlight);
  server.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    const bytes = announcedBytes(request);
    if (bytes === 0) return;
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort(new FairleadError('Unavailable', 'the client has gone')));
    const lane = `${clientOf(request.ip)} ${bytes > smallReviewBytes ? 'large' : 'small'}`;
    const giveBack = await budget.acquire(lane, bytes, gone.signal);
    const timer = setTimeout(() => {
      if (!request.raw.complete) socket.destroy();
    }, bodyTimeout);
    reply.raw.once('close', () => {
      clearTimeout(timer);
      giveBack();
    });
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
