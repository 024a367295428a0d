import type { KeyObject } from 'node:crypto';
import type { CertificateIdentity } from '../signature/identity.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';

/**
 * How entries in transparency logs count: one is required and must verify; those that are there
 * must verify; or they are ignored, and with a certificate the time must come from a timestamp
 * authority.
 */
export type LogUse = 'required' | 'optional' | 'off';

/** The authorities and logs that signatures are checked against (see sigstore-verifier.ts). */
export interface SigstoreRoot {
  /**
   * Returns the identity in the certificate of a signature, unverified: enough to skip, at little
   * cost, what cannot satisfy a requirement. Throws SignatureInvalid if there is no certificate, or
   * it is malformed.
   */
  claimedIdentity(content: SignedContent): CertificateIdentity;
  /**
   * Verifies a signature made with a certificate: the certificate, its entry in a certificate log,
   * the time of the signature, and its entries in transparency logs. Returns the signer and the
   * indexes of these entries. Throws SignatureInvalid.
   */
  verifyCertificate(
    content: SignedContent,
    use: LogUse,
  ): { readonly certificate: CertificateIdentity; readonly logIndexes: readonly string[] };
  /**
   * Verifies a signature made with a key, and its entries in transparency logs. Returns the indexes
   * of these entries. Throws SignatureInvalid.
   */
  verifyKey(content: SignedContent, key: KeyObject, use: LogUse): readonly string[];
}
