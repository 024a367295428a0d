import type { Digest } from '#lib/registry/digest';
import type { RepositoryName } from '#lib/trust/policy/authorize';

/** A verification of an artifact by this site under its policy. */
export interface VerifiedHere {
  readonly signer: string;
  readonly time: Date;
}

/**
 * Returns the verification of an artifact by this site; undefined if it has not verified it, or
 * only under another revision of the policy, or in another repository, for which another rule may
 * decide.
 */
export type VerificationOf = (repository: RepositoryName, digest: Digest) => VerifiedHere | undefined;
