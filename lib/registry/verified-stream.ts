import { createHash } from 'node:crypto';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import { digestParts } from './digest.ts';

/**
 * Passes content through while checking it against its descriptor: the last piece is held back
 * until size and digest are known to be right, so that whoever reads to the end has read exactly
 * what the digest names. `origin` says in errors where the content came from.
 *
 * Rejects with LimitExceeded as soon as there is more than `descriptor.size`, with Unavailable
 * where it ends early (a cut connection), with InvalidInput where it is whole and only its
 * descriptor says more, and with Conflict where the digest is another: somebody changed it, and
 * nothing of it may be used.
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
        `${origin}: ${descriptor.digest} is longer than the ${descriptor.size} bytes of its descriptor`,
        { hint: 'Whoever serves it is wrong or hostile. Nothing of it was used.' },
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
      `${origin}: ${descriptor.digest} has ${received} bytes, and not the ${descriptor.size} of its descriptor`,
      { hint: 'Whoever wrote the descriptor was wrong or hostile. Nothing of it was used.' },
    );
  }
  if (received < descriptor.size) {
    throw new FairleadError(
      'Unavailable',
      `${origin}: ${descriptor.digest} ended after ${received} of ${descriptor.size} bytes`,
      { hint: 'The connection was cut, or the content is damaged at its source. Try again.' },
    );
  }
  if (actual !== hex) {
    throw new FairleadError(
      'Conflict',
      `${origin}: ${descriptor.digest} has other content: its digest is ${algorithm}:${actual}`,
      {
        hint: 'It was altered where it is stored or on its way. Nothing of it was used.',
      },
    );
  }
  if (held !== undefined) yield held;
}
