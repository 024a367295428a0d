import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import type { Digest } from './digest.ts';
import { parseReference, type Reference } from './reference.ts';

/** A reference with a digest: it names content, which never changes. */
export type PinnedReference = Reference & { readonly digest: Digest };

/**
 * Parses `registry/repository@sha256:…`.
 *
 * @throws FairleadError InvalidInput for text that is not a reference, or that has no digest
 * (KEP-6061).
 */
export function parsePinned(text: string): PinnedReference {
  const { digest, ...reference } = parseReference(text);
  if (digest === undefined) {
    throw new FairleadError('InvalidInput', `${quote(text, 300)} is not pinned to a digest`, {
      hint: 'Write registry/repository@sha256:…: what a tag names may change between nodes and restarts.',
    });
  }
  return { ...reference, digest };
}
