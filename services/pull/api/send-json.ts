import type { FastifyReply } from 'fastify';
import { cacheControl } from '../readers/cache-control.ts';
import type { Readers } from '../readers/readers.ts';

/** Sends a document. What it states depends on the policy and catalogs in force. */
export function sendJson(reply: FastifyReply, value: object, readers: Pick<Readers, 'areAnonymous'>): FastifyReply {
  return reply
    .header('cache-control', cacheControl(false, readers))
    .header('content-type', 'application/json; charset=utf-8')
    .send(Buffer.from(JSON.stringify(value)));
}
