import type { KeyObject } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';

/** A signature of any format, taken apart; nothing of it is verified yet. */
export interface SignedContent {
  /** Returns the digest of the bytes that were signed. */
  signedDigest(): Digest;
  /** Reports whether the signature over these bytes was made with this key. */
  isSignedWith(key: KeyObject): boolean;
  readonly signature: Uint8Array;
  /**
   * The bytes that timestamps are over: the signature, or the whole envelope in legacy
   * attestations.
   */
  readonly timestamped: Uint8Array;
  /** What the signature was made with, by its own account. */
  readonly madeWith: 'key' | 'certificate';
  /**
   * Returns the bundle, for the verification of certificates and logs; the legacy format is
   * converted to one. Throws SignatureInvalid if that is malformed.
   */
  bundle(): Bundle;
  /**
   * Checks that what was signed is this very artifact. Returns the name that the signer gave it: a
   * reference in the legacy format, nothing in a bundle. Throws SignatureInvalid.
   */
  assertIsFor(descriptor: Pick<Descriptor, 'digest'>): { readonly dockerReference?: string };
  /**
   * Returns the predicate type of what was signed, unverified; undefined if that is malformed.
   */
  claimedPredicateType(): string | undefined;
  /**
   * Returns the predicate. Throws SignatureInvalid unless what was signed is a statement of this
   * type about this very artifact.
   */
  assertAttests(descriptor: Pick<Descriptor, 'digest'>, predicateType: string): unknown;
}
