import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FairBudget } from '#lib/concurrency/fair-budget';
import { FairleadError } from '#lib/errors';
import type { ServerTimes } from '#lib/http/bounded-server';
import { clientOf } from '#lib/http/connections/client';

/**
 * Most bytes of a review. A review of an update holds two pods, and no pod becomes larger than this
 * allows (admit.ts).
 */
export const maxReviewBytes = 4 * 1024 * 1024;

/** Of all reviews that are read or decided at a time, and of those of one lane of one address. */
const bytesInFlight = { total: 4 * maxReviewBytes, share: maxReviewBytes };

/**
 * Most bytes of a conversion. API servers send one object in each call, although the API allows all
 * of a list: here, 5,000 objects of 6 KiB. They are converted one by one, so that the memory that a
 * call takes is three times this.
 */
export const maxConversionBytes = 32 * 1024 * 1024;

/** Of all conversions at a time. They do not wait for reviews, nor reviews for them. */
const conversionBytesInFlight = { total: maxConversionBytes + 4 * maxReviewBytes, share: maxConversionBytes };

/**
 * Most bytes of a small review, as most reviews are. They have a separate lane: an API server sends
 * the reviews of all tenants from one address, and the large pods of one tenant would delay the
 * others.
 */
const smallReviewBytes = 128 * 1024;

/** How long a body may take to arrive after there is room for it, in milliseconds. */
const bodyTimeout = 2000;

/**
 * Connections at a time, and as many of clients with a certificate of the authorities besides. An
 * API server opens one for each call that it waits for.
 */
export const maxConnections = 512;

/**
 * How long clients may take, in milliseconds. A client without a complete request after 5 s, when
 * the API server has given up as well, is cut.
 */
export const times: ServerTimes = {
  head: 5000,
  request: 5000,
  /**
   * Longer than an API server keeps an idle connection (90 s). If we closed it first, a review that
   * was just sent on it would be lost, and a pod refused.
   */
  idle: 120_000,
  /** A client must not hold a connection by not reading the answer. */
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
  const reviews = new FairBudget(bytesInFlight);
  const conversions = new FairBudget(conversionBytesInFlight);
  server.addHook('onRequest', async (request, reply) => {
    const { socket } = request.raw;
    const bytes = announcedBytes(request);
    if (bytes === 0) return;
    const gone = new AbortController();
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) gone.abort(new FairleadError('Unavailable', 'the client has gone'));
    });
    const budget = request.routeOptions.bodyLimit === maxConversionBytes ? conversions : reviews;
    const lane = `${clientOf(request.ip)} ${bytes > smallReviewBytes ? 'large' : 'small'}`;
    const giveBack = await budget.acquire(lane, bytes, gone.signal);
    if (gone.signal.aborted) {
      giveBack();
      throw gone.signal.reason;
    }
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
 * Returns the length of the body of a request. Throws InvalidInput or LimitExceeded if it must not
 * be read.
 */
function announcedBytes({ method, headers, routeOptions: { bodyLimit = maxReviewBytes } }: FastifyRequest): number {
  if (method === 'GET' || method === 'HEAD') return 0;
  const length = headers['content-length'];
  if (length === undefined || headers['transfer-encoding'] !== undefined) {
    throw new FairleadError('InvalidInput', 'the request has no Content-Length', {
      hint: 'Send a Content-Length, as API servers do.',
    });
  }
  const bytes = Number(length);
  if (bytes > bodyLimit) {
    throw new FairleadError('LimitExceeded', `the request has ${length} bytes: want at most ${bodyLimit}`);
  }
  return bytes;
}
