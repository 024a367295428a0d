import { FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import { digestOf, digestParts } from './digest.ts';
import { manifestBytesLimit } from './manifest.ts';
import type { Content } from './target.ts';
import { verifiedStream } from './verified-stream.ts';

/**
 * Verifies that bytes match their descriptor; throws InvalidInput otherwise. `name` identifies the
 * target in the error.
 */
export function checkContent(descriptor: Descriptor, bytes: Uint8Array, name: string): void {
  const actual = digestOf(bytes, digestParts(descriptor.digest).algorithm);
  if (bytes.length === descriptor.size && actual === descriptor.digest) return;
  throw new FairleadError(
    'InvalidInput',
    `${name}: the content to push has ${bytes.length} bytes and digest ${actual}, but its descriptor specifies ${descriptor.size} and ${descriptor.digest}`,
  );
}

/**
 * Returns content as a stream that is verified against its descriptor; rejects as {@link
 * verifiedStream} does. The source is opened when the stream is first read: a stream that is never
 * read needs no close.
 */
export async function openContent(
  descriptor: Descriptor,
  content: Content,
  name: string,
): Promise<AsyncIterable<Uint8Array>> {
  if (content instanceof Uint8Array) {
    checkContent(descriptor, content, name);
    return oneChunk(content);
  }
  return openedLate(descriptor, content, name);
}

async function* openedLate(
  descriptor: Descriptor,
  open: Exclude<Content, Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* verifiedStream(await open(), descriptor, name);
}

/**
 * Reads content into memory, and verifies it. For manifests and other small content: rejects with
 * LimitExceeded over 4 MiB.
 */
export async function contentBytes(descriptor: Descriptor, content: Content, name: string): Promise<Uint8Array> {
  if (content instanceof Uint8Array) {
    checkContent(descriptor, content, name);
    return content;
  }
  if (descriptor.size > manifestBytesLimit) {
    throw new FairleadError(
      'LimitExceeded',
      `${name}: ${descriptor.digest} has ${descriptor.size} bytes, more than the ${manifestBytesLimit} allowed`,
    );
  }
  const bytes = new Uint8Array(descriptor.size);
  let filled = 0;
  for await (const piece of verifiedStream(await content(), descriptor, name)) {
    bytes.set(piece, filled);
    filled += piece.length;
  }
  return bytes;
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes.length > 0) yield bytes;
}
