import type { PulledProfile } from '#lib/node/pull/pulled-profile';
import type { RuntimeKind } from '#lib/profile/profile';
import { formatReference } from '#lib/registry/reference';
import type { Verification } from '#lib/trust/signature/signature';

/** What a pulled profile is, and why it may be used. */
export interface PulledDescription {
  readonly reference: string;
  readonly digest: string;
  readonly kind: RuntimeKind;
  readonly verification: Verification;
}

/** Returns the description of a pulled profile. */
export function describePulled(pulled: PulledProfile): PulledDescription {
  return {
    reference: formatReference(pulled.reference),
    digest: pulled.descriptor.digest,
    kind: pulled.profile.kind,
    verification: pulled.verification,
  };
}

/**
 * Returns a description with the profile, as a JSON document. The text of the profile is inserted
 * as it is: its 64-bit numbers would not survive being parsed and printed again.
 */
export function withProfile(description: object, profile: Uint8Array): string {
  const content = new TextDecoder().decode(profile).trim();
  return `${JSON.stringify(description).slice(0, -1)},"profile":${content}}`;
}
