import type { FastifyReply, FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';
import type { LocalPaths } from './local-paths.ts';
import { HttpError, type Problem, toProblem } from './problem.ts';

/** Seconds after which callers may ask again if a registry, or this service, cannot answer. */
const retrySeconds = 5;

/**
 * Headers of every answer, whatever made it: browsers do not guess what it is, run nothing of it,
 * and show it in no frame. Web pages have a policy of their own.
 */
export const answerHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

/** A request that was not answered as it was asked. */
export interface Refusal {
  readonly thrown: unknown;
  readonly problem: Problem;
  readonly request: FastifyRequest;
}

export interface ErrorAnswerOptions {
  /** Files and directories of this machine that errors may name, hidden from callers. */
  readonly localPaths?: (() => LocalPaths) | undefined;
  /** How callers may prove who they are: the WWW-Authenticate header of an answer 401. */
  readonly challenge?: string | undefined;
  /** Called for each request that is refused; logs each by default. */
  readonly onRefusal?: ((refusal: Refusal) => void) | undefined;
}

/** Returns the handler that answers errors with problem details (RFC 9457). */
export function errorAnswer({ localPaths, challenge, onRefusal = logRefusal }: ErrorAnswerOptions) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const problem = toProblem(thrown, request.id, localPaths?.());
    onRefusal({ thrown, problem, request });
    // A route may have stated for how long its answer is kept, before it failed.
    reply.headers({ ...answerHeaders, 'cache-control': 'no-store' });
    if (thrown instanceof HttpError) reply.headers(thrown.headers);
    if (thrown instanceof FairleadError && thrown.retryAfter !== undefined) {
      reply.header('retry-after', String(thrown.retryAfter));
    } else if (problem.status === 503) reply.header('retry-after', retrySeconds);
    if (problem.status === 401 && challenge !== undefined) reply.header('www-authenticate', challenge);
    return reply
      .status(problem.status)
      .type('application/problem+json')
      .send(Buffer.from(JSON.stringify(problem)));
  };
}

/** Logs a refusal. The log, unlike the answer, has the details of bugs and local files. */
function logRefusal({ thrown, problem, request }: Refusal): void {
  if (problem.status >= 500) request.log.error({ err: thrown }, 'request failed');
  else request.log.info({ kind: problem.kind, detail: toProblem(thrown, request.id).detail }, 'request refused');
}
