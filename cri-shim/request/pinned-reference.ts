import { FairleadError } from '#lib/errors';
import type { Digest } from '#lib/registry/digest';
import { parseReference, type Reference } from '#lib/registry/reference';

/** A reference that names content, not a name that may move. */
export type PinnedReference = Reference & { readonly digest: Digest };

/**
 * Parses `registry/repository@sha256:…`. Throws InvalidInput, also where the digest is missing
 * (KEP-6061).
 */
export function parsePinned(text: string): PinnedReference {
  const { digest, ...reference } = parseReference(text);
  if (digest === undefined) {
    throw new FairleadError('InvalidInput', `${JSON.stringify(text.slice(0, 300))} is not pinned to a digest`, {
      hint: 'Write registry/repository@sha256:…: what a tag names may change between nodes and restarts.',
    });
  }
  return { ...reference, digest };
}
