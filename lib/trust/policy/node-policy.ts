import type { PublicationLimits } from '#lib/profile/publication-limits';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { TrustPolicy } from './policy.ts';

/** How a node applies what the trust policy allows: the other part of the same file. */
export interface NodePolicy {
  readonly baseline: Baseline;
  /** The most that is accepted of an artifact. */
  readonly limits: PublicationLimits;
}

/** What each kind of profile is intersected with on a node. */
export interface Baseline {
  readonly seccomp: 'RuntimeDefault' | SeccompProfile;
}

/** All that a policy file contains. */
export interface Policy extends TrustPolicy, NodePolicy {}

/** The largest `limits.artifactBytes` that a policy may set. */
export const maxArtifactBytes = 16 * 1024 * 1024;
