import type { Digest } from '#lib/registry/digest';

/** A verification of an artifact by this site under its policy. */
export interface VerifiedHere {
  readonly signer: string;
  readonly time: Date;
}

/**
 * Returns the verification of an artifact by this site; undefined if it has not verified it, or
 * only under another revision of the policy.
 */
export type VerificationOf = (digest: Digest) => VerifiedHere | undefined;
