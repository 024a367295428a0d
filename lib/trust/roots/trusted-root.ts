import type { KeyObject } from 'node:crypto';
import type { CertificateIdentity } from '../signature/identity.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';

/**
 * How entries in transparency logs count: one is required and must verify; those that are there
 * must verify; or they are ignored, and with a certificate the time must come from a timestamp
 * authority.
 */
export type LogUse = 'required' | 'optional' | 'off';

/** What the verified witnesses of a signature state: logs and timestamp authorities. */
export interface Witnessed {
  /** The indexes of its log entries. */
  readonly logIndexes: readonly string[];
  /** The earliest of the times that they give it (RFC 3339); absent if none gives one. */
  readonly signedAt?: string;
}

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
   * the time of the signature, and its entries in transparency logs. Returns the signer, and what
   * the logs and timestamps state. Throws SignatureInvalid.
   */
  verifyCertificate(content: SignedContent, use: LogUse): Witnessed & { readonly certificate: CertificateIdentity };
  /**
   * Verifies a signature made with a key, and its entries in transparency logs. Returns what the
   * logs and timestamps state. Throws SignatureInvalid.
   */
  verifyKey(content: SignedContent, key: KeyObject, use: LogUse): Witnessed;
}
