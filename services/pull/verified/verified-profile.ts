import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Reference } from '#lib/registry/reference';
import type { Verification } from '#lib/trust/signature/signature';

/** A profile that the policy allows, as the service serves it. */
export interface VerifiedProfile {
  /** As requested, in the spelling of the request. */
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly kind: RuntimeKind;
  /** Names keys by their file names: callers do not see the directories. */
  readonly verification: Verification;
  /**
   * Returns the bytes as published, which may have to be decompressed; undefined in the form of
   * Docker and Podman, which is not served.
   */
  readonly content: () => Buffer | undefined;
  /** The revision of the policy that allowed it. */
  readonly revision: string;
}

/** The artifact of a profile that the policy allows, byte for byte, and what it contains. */
export interface VerifiedArtifact extends Pick<PulledProfile, 'descriptor' | 'profile' | 'artifact' | 'verification'> {
  readonly kind: RuntimeKind;
  /** When it was verified. */
  readonly time: Date;
  /** The revision of the policy that allowed it. */
  readonly revision: string;
}
