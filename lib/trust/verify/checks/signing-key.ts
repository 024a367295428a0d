import { FairleadError } from '#lib/errors';
import type { PublicKey } from '../../keys/key.ts';
import type { SignedContent } from '../../signature/read/signed-content.ts';

/** Throws SignatureInvalid unless a signature was made with this key. */
export function assertSignedWithKey(content: SignedContent, { key }: PublicKey): void {
  if (content.isSignedWith(key)) return;
  // cosign 3 signs in this variant with such a key, and does not verify it itself.
  const other = key.asymmetricKeyType === 'ed25519' ? ', or in the variant Ed25519ph, which is not supported' : '';
  throw new FairleadError('SignatureInvalid', `it was not made with this key${other}`);
}
