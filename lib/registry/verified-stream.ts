import { createHash } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import { digestParts } from './digest.ts';

/**
 * Passes content through and verifies it against its descriptor: the last piece is held back until
 * size and digest are verified, so that a reader that reaches the end has read exactly what the
 * digest names. `origin` identifies the source in errors.
 *
 * Rejects with LimitExceeded as soon as there is more than `descriptor.size`, with Unavailable if
 * the content ends early (an interrupted connection), with InvalidInput if it is complete and only
 * the size of its descriptor is too large, and with Conflict if the digest differs: the content was
 * changed, and must not be used.
 */
export async function* verifiedStream(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  origin: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { algorithm, hex } = digestParts(descriptor.digest);
  const hash = createHash(algorithm);
  let received = 0;
  let held: Uint8Array | undefined;
  for await (const piece of source) {
    received += piece.length;
    if (received > descriptor.size) {
      throw new FairleadError(
        'LimitExceeded',
        `${origin}: ${descriptor.digest} has more than the ${descriptor.size} bytes of its descriptor`,
        { hint: 'The source is faulty or hostile. Nothing of it was used.' },
      );
    }
    hash.update(piece);
    if (held !== undefined) yield held;
    held = piece;
  }
  const actual = hash.digest('hex');
  if (received < descriptor.size && actual === hex) {
    throw new FairleadError(
      'InvalidInput',
      `${origin}: ${descriptor.digest} has ${received} bytes, not the ${descriptor.size} of its descriptor`,
      { hint: 'The author of the descriptor is wrong or hostile. Nothing of it was used.' },
    );
  }
  if (received < descriptor.size) {
    throw new FairleadError(
      'Unavailable',
      `${origin}: ${descriptor.digest} ended after ${received} of ${descriptor.size} bytes`,
      { hint: 'The connection was interrupted, or the content is damaged at its source. Try again.' },
    );
  }
  if (actual !== hex) {
    throw new FairleadError(
      'Conflict',
      `${origin}: ${descriptor.digest} has other content: its digest is ${algorithm}:${actual}`,
      {
        hint: 'It was changed where it is stored or in transfer. Nothing of it was used.',
      },
    );
  }
  if (held !== undefined) yield held;
}
