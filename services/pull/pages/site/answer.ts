import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isNotModified } from '#lib/http/not-modified';
import type { Html } from '../components/html.ts';

/** What browsers may do with a page: show it with the style sheet and images of this site. */
const contentSecurityPolicy =
  "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Headers of every page and of what it is made of. */
export const securityHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': contentSecurityPolicy,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);
/** A page is made anew for each request: a higher quality would take longer than it saves. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** Something to send, and for how long caches may keep it. */
export interface Answer {
  readonly text: string;
  readonly type: string;
  /** Whether its address changes with its content, so that it is kept for good. */
  readonly immutable?: true;
}

/** Sends a page. Browsers ask again each time, and get it only if it has changed. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, page: Html): Promise<FastifyReply> {
  return sendText(request, reply, { text: page.toString(), type: 'text/html; charset=utf-8' });
}

/** Sends a text, compressed if the client takes that; 304 if the client has it. */
export async function sendText(
  request: FastifyRequest,
  reply: FastifyReply,
  { text, type, immutable }: Answer,
): Promise<FastifyReply> {
  const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
  reply.headers({
    ...securityHeaders,
    // Weak: each coding of the text has other bytes.
    etag: `W/${etag}`,
    vary: 'accept, accept-encoding',
    'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache',
  });
  if (isNotModified(request.headers['if-none-match'], etag)) return reply.status(304).send();
  return sendBytes(request, reply.type(type), Buffer.from(text));
}

/** Sends what caches must not keep, such as a page about what the reader has entered. */
export function sendOnce(request: FastifyRequest, reply: FastifyReply, page: Html): Promise<FastifyReply> {
  reply.headers({ ...securityHeaders, vary: 'accept-encoding', 'cache-control': 'no-store' });
  return sendBytes(request, reply.type('text/html; charset=utf-8'), Buffer.from(page.toString()));
}

async function sendBytes(request: FastifyRequest, reply: FastifyReply, bytes: Buffer): Promise<FastifyReply> {
  const coding = codingOf(request.headers['accept-encoding']);
  if (coding === undefined) return reply.send(bytes);
  reply.header('content-encoding', coding);
  return reply.send(await (coding === 'br' ? brotli(bytes, brotliOptions) : gzipped(bytes)));
}

/** Returns the coding to use of those that a client takes (RFC 9110, 12.5.3). */
function codingOf(accepted: string | string[] | undefined): 'br' | 'gzip' | undefined {
  const named = String(accepted ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
    .filter((part) => !/;\s*q=0(?:\.0*)?$/.test(part))
    .map((part) => part.replace(/;.*/, '').trim());
  return (['br', 'gzip'] as const).find((coding) => named.includes(coding));
}
