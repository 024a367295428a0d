import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { FairleadError } from '#lib/errors';

/**
 * Returns a hook that refuses requests without the token (Unauthenticated). The comparison takes
 * the same time wherever the first difference is.
 */
export function bearerAuthentication(token: string): (request: FastifyRequest) => Promise<void> {
  const expected = sha256(token);
  return async (request) => {
    const presented = /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (presented !== undefined && timingSafeEqual(sha256(presented), expected)) return;
    throw new FairleadError(
      'Unauthenticated',
      presented === undefined ? 'the bearer token is missing' : 'the bearer token is wrong',
      { hint: 'Send Authorization: Bearer TOKEN, with the token that the service was started with.' },
    );
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
