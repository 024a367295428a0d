import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { PublicationLimits } from '#lib/profile/publication-limits';
import type { SeccompProfile } from '#lib/profile/seccomp/model';
import type { TrustPolicy } from './policy.ts';

/**
 * When a node asks a registry whether a caller may have what is stored already (KEP-2535): `cached`
 * once for each caller, `always` for each call, `never` not at all.
 */
export const verifyCredentialsValues = ['cached', 'always', 'never'] as const;

/** When a node asks a registry whether a caller may have what is stored already (KEP-2535). */
export type VerifyCredentials = (typeof verifyCredentialsValues)[number];

/**
 * What a node does with a container that has annotations for an artifact which do not apply,
 * because it specifies another seccomp profile: `Report` creates it, and logs and counts the
 * annotations; `Refuse` refuses it.
 */
export const ignoredAnnotationsValues = ['Report', 'Refuse'] as const;

/** What a node does with a container whose annotations do not apply. */
export type IgnoredAnnotations = (typeof ignoredAnnotationsValues)[number];

/** How a node applies what the trust policy allows. It is part of the same file. */
export interface NodePolicy {
  readonly baseline: Baseline;
  /** The files of the profiles in `baseline`, as the policy names them. */
  readonly baselineFiles?: { readonly [kind in keyof Baseline]?: string };
  /** The largest artifact that is accepted. */
  readonly limits: PublicationLimits;
  /** Absent: `cached`. */
  readonly verifyCredentials?: VerifyCredentials;
  /** Absent: `Report`. */
  readonly ignoredAnnotations?: IgnoredAnnotations;
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
