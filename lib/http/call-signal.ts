import type { FastifyReply } from 'fastify';
import { FairleadError } from '#lib/errors';

/**
 * Returns a signal that ends the work for one request: after `timeout` milliseconds, or when the
 * caller has gone before the answer was sent. (The `request.signal` of Fastify aborts as soon as
 * the body of a request was read.)
 */
export function callSignal(reply: FastifyReply, timeout: number): AbortSignal {
  const controller = new AbortController();
  const giveUp = (why: string): void => controller.abort(new FairleadError('Unavailable', why));
  const timer = setTimeout(() => giveUp('the request took too long and was given up'), timeout);
  const end = (): void => {
    clearTimeout(timer);
    if (!reply.raw.writableFinished) giveUp('the caller has gone');
  };
  // It may have been closed while the request waited for its turn.
  if (reply.raw.closed) end();
  else reply.raw.once('close', end);
  return controller.signal;
}
