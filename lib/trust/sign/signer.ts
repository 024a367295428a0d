import type { PrivateKey } from '../keys/key.ts';
import type { Requirement } from '../policy/policy.ts';

/**
 * Signs statements about artifacts, and files: with a key (key-signer.ts), with a key whose use is
 * entered in logs (logged-signer.ts), or with a certificate for an identity (keyless-signer.ts).
 */
export interface Signer {
  /** Signs an in-toto statement. Returns a Sigstore bundle v0.3 (JSON). */
  sign(statement: Uint8Array): Promise<Uint8Array>;
  /**
   * Signs the bytes of a message, such as a file, in pieces. Returns a Sigstore bundle v0.3 (JSON)
   * with a message signature. Rejects as the pieces do.
   */
  signMessage(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array>;
  /**
   * Returns the requirements that the next signature will meet: if others meet all of them already,
   * one more adds nothing. Undefined if that cannot be decided, because there is no trusted root.
   * Rejects as `sign`.
   */
  requirements(): Promise<readonly Requirement[] | undefined>;
  /**
   * The key that alone makes its signatures, for the signature format of cosign 2. Absent if a
   * certificate or log entries belong to each signature, which only bundles carry.
   */
  readonly key?: PrivateKey;
  /** True if its signature was made before: to use it enters nothing in a log. */
  readonly supplied?: true;
}
