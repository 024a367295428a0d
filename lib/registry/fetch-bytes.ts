import { FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import type { CallOptions, Fetcher } from './target.ts';
import { verifiedStream } from './verified-stream.ts';

/**
 * Fetches content into memory, and verifies its size and digest whatever the fetcher does. Rejects
 * with LimitExceeded before anything is requested if the descriptor has more than `limit` bytes,
 * and as {@link verifiedStream} does.
 */
export async function fetchBytes(
  fetcher: Fetcher,
  descriptor: Descriptor,
  options: CallOptions & { readonly limit: number },
): Promise<Uint8Array> {
  if (descriptor.size > options.limit) {
    throw new FairleadError(
      'LimitExceeded',
      `${descriptor.digest} has ${descriptor.size} bytes, more than the ${options.limit} allowed`,
      { hint: 'Nothing of it was fetched.' },
    );
  }
  const source = await fetcher.fetch(descriptor, options.signal === undefined ? {} : { signal: options.signal });
  const bytes = new Uint8Array(descriptor.size);
  let filled = 0;
  for await (const piece of verifiedStream(source, descriptor, 'fetched content')) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return bytes;
}
