import { FairleadError } from '#lib/errors';
import type { PublicKey } from '../../keys/key.ts';
import { verifyBytes } from '../../keys/key-algorithm.ts';
import type { SignedContent } from '../../signature/read/signed-content.ts';

/** Throws SignatureInvalid unless a signature was made with this key. */
export function assertSignedWithKey({ signed, signature }: SignedContent, { key }: PublicKey): void {
  if (verifyBytes(key, signed, signature)) return;
  // cosign 3 signs in this variant with such a key, and does not verify it itself.
  const other = key.asymmetricKeyType === 'ed25519' ? ', or in the variant Ed25519ph, which is not supported' : '';
  throw new FairleadError('SignatureInvalid', `it was not made with this key${other}`);
}
