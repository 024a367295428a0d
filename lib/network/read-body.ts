import { FairleadError } from '#lib/errors';
import { nameRequest } from './request-error.ts';
import type { HttpResponse } from './transport.ts';

/**
 * Reads the whole body of an answer. Rejects with LimitExceeded as soon as it has more than `limit`
 * bytes.
 */
export async function readBody(
  response: HttpResponse & { readonly url: URL },
  request: { readonly method: string },
  limit: number,
): Promise<Uint8Array> {
  const name = nameRequest({ method: request.method, url: response.url });
  const tooLong = (): FairleadError =>
    new FairleadError('LimitExceeded', `${name}: the answer has more than ${limit} bytes`);
  const declared = Number(response.header('content-length') ?? 0);
  if (declared > limit) {
    await response.discard();
    throw tooLong();
  }
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
    if (length > limit) throw tooLong();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
