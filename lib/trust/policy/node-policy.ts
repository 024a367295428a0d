import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { PublicationLimits } from '#lib/profile/publication-limits';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { TrustPolicy } from './policy.ts';

/** How a node applies what the trust policy allows. It is part of the same file. */
export interface NodePolicy {
  readonly baseline: Baseline;
  /** The largest artifact that is accepted. */
  readonly limits: PublicationLimits;
}

/** What a node intersects each kind of profile with. */
export interface Baseline {
  readonly seccomp: 'RuntimeDefault' | SeccompProfile;
  readonly apparmor: 'RuntimeDefault' | AppArmorProfile;
}

/** All that a policy file contains. */
export interface Policy extends TrustPolicy, NodePolicy {}

/** The largest `limits.artifactBytes` that a policy may set. */
export const maxArtifactBytes = 16 * 1024 * 1024;
