import type { ProfileArtifact } from '#lib/artifact/artifact';
import type { ProfileMode } from '#lib/profile/constraint';
import type { PublishedProfile, RuntimeKind } from '#lib/profile/profile';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Reference } from '#lib/registry/reference';
import type { Verification } from '#lib/trust/signature/signature';

/** The profile that a caller asks for. */
export interface PullRequest {
  /** With tag or digest. */
  readonly reference: Reference;
  readonly kind: RuntimeKind;
  /** How the caller will apply it; absent if it will enforce it. */
  readonly mode?: ProfileMode;
}

/** A profile that the policy allows, with everything that shows why. */
export interface PulledProfile {
  /** As requested: registry and repository stay, whichever mirror served the bytes. */
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly profile: PublishedProfile;
  readonly artifact: ProfileArtifact;
  readonly verification: Verification;
  /** True if no registry was asked for more than the digest of the tag. */
  readonly cached: boolean;
}
