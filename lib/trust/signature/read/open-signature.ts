import type { Signature } from '../signature.ts';
import { openBundle } from './bundle-content.ts';
import { openLegacyAttestation, openLegacySignature } from './legacy-content.ts';
import type { SignedContent } from './signed-content.ts';

/**
 * Takes a signature apart. Throws SignatureInvalid for everything malformed, whatever the bytes
 * are.
 */
export function openSignature(signature: Signature): SignedContent {
  switch (signature.format) {
    case 'bundle':
      return openBundle(signature);
    case 'legacy':
      return openLegacySignature(signature);
    case 'legacy-attestation':
      return openLegacyAttestation(signature);
  }
}
