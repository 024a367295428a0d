import { FairleadError } from '#lib/errors';
import { parseDigest } from '#lib/registry/digest';
import { signPredicateType } from '../signature/predicate-type.ts';
import { contentOf, messageHashOf, readBundle } from '../signature/read/bundle-content.ts';
import { readMessage } from '../signature/read/message.ts';
import { verifyBlob } from '../verify/verify-blob.ts';
import type { Signer } from './signer.ts';

/**
 * What a bundle is to a file that is to be signed: no bundle at all, a statement about any file, a
 * signature of other bytes (such as an older version of the file), a signature of these bytes by
 * the same signer, or one by another signer.
 */
export type ExistingBundle = 'unreadable' | 'attestation' | 'outdated' | 'same signer' | 'another signer';

/**
 * Returns what a bundle is to a file and its next signer, by verifying it. Rejects as the stream
 * and as the signer's `requirements`.
 */
export async function compareBundle(
  pieces: () => AsyncIterable<Uint8Array>,
  bundle: Uint8Array,
  signer: Signer,
): Promise<ExistingBundle> {
  const read = unlessInvalid(() => readBundle(bundle));
  if (read === undefined) return 'unreadable';
  const message = await readMessage(pieces(), { hash: messageHashOf(read) });
  const digest = parseDigest(`sha256:${message.digest('sha256').toString('hex')}`);
  const content = unlessInvalid(() => contentOf(read, message));
  if (content !== undefined && content.claimedPredicateType() !== signPredicateType) return 'attestation';
  if (unlessInvalid(() => content?.assertIsFor({ digest })) === undefined) return 'outdated';
  const requirements = await signer.requirements();
  if (requirements === undefined) return 'another signer';
  for (const by of requirements.flatMap(({ anyOf }) => anyOf)) {
    const verifying = verifyBlob(pieces(), { name: 'the file', bundle, by });
    const isHeld = await verifying.then(
      () => true,
      (error: unknown) => {
        if (isInvalidSignature(error)) return false;
        throw error;
      },
    );
    if (!isHeld) return 'another signer';
  }
  return 'same signer';
}

function unlessInvalid<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (isInvalidSignature(error)) return undefined;
    throw error;
  }
}

function isInvalidSignature(error: unknown): boolean {
  return error instanceof FairleadError && error.kind === 'SignatureInvalid';
}
