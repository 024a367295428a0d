import type { ProfileArtifact } from '#lib/artifact/artifact';
import type { ProfileDiff } from '#lib/profile/change';
import type { Finding } from '#lib/profile/finding';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import type { PublicationLimits } from '#lib/profile/publication-limits';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import type { Reference } from '#lib/registry/reference';
import type { TagLister, Target } from '#lib/registry/target';
import type { Version } from '#lib/registry/version-tags';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import type { Signer } from '#lib/trust/sign/signer';
import type { SignatureFormat, Verification } from '#lib/trust/signature/signature';

/** One profile to publish, where, and under which conditions. */
export interface PublishRequest {
  /** The repository and, unless the profile is to be found by its digest alone, a tag. */
  readonly reference: Reference;
  /** The version, instead of a tag: its tags (versionTags) are written. */
  readonly version?: { readonly number: Version; readonly latest: boolean } | undefined;
  /** True to move tags such as `1.4` backwards as well, to an older version than they stand for. */
  readonly allowOlder?: boolean | undefined;
  /** The container image that the profile is for, in the same repository. */
  readonly subject?: Digest | undefined;
  /** Names the profile in messages, such as its file; not part of the artifact. */
  readonly source?: string | undefined;
  /**
   * File name to publish the profile under; without one, the same bytes always have the same
   * digest.
   */
  readonly title?: string | undefined;
  /** Annotations of the artifact's manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * Annotations of this run, such as those of ciAnnotations. A tag that holds the same artifact
   * with others of these is left as it is.
   */
  readonly runAnnotations?: Readonly<Record<string, string>> | undefined;
  /** Written as `org.opencontainers.image.created`; absent by default. An annotation of the run. */
  readonly created?: Date | undefined;
  /** How signature and provenance are stored; as bundles by default. */
  readonly signatureFormat?: SignatureFormat | undefined;
  /** SLSA provenance v1 (the predicate) to attest, signed by the same signer. */
  readonly provenance?: object | undefined;
  /**
   * `loosened` to refuse a profile that permits more than the one that its tag holds now, or that
   * is attached to its image.
   */
  readonly failOn?: 'loosened' | undefined;
  /** False to refuse to replace what the tag, or that of the version, holds now. */
  readonly overwrite?: boolean | undefined;
}

/** What publishing uses. */
export interface PublishDependencies {
  readonly target: Target & TagLister;
  /**
   * Without a signer the artifact is published unsigned. A signer that is still being opened is
   * awaited before a manifest is sent; the blobs, to which nothing refers yet, are sent meanwhile.
   */
  readonly signer?: Signer | Promise<Signer> | undefined;
  /** Returns the time for the signature's manifest. */
  readonly clock: () => Date;
  readonly limits: PublicationLimits;
  /**
   * The policy of nodes. Nothing is sent that no rule allows; what was sent is read back under the
   * policy before the tag is written.
   */
  readonly policy?: TrustPolicy | undefined;
  /**
   * Called with the kind of the profile before the registry is asked. Throws NotAllowed if who
   * publishes it may not.
   */
  readonly authorizePublisher?: ((kind: RuntimeKind) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A tag of the publication, and what happens to it. */
export interface TagChange {
  readonly tag: string;
  /** What it holds before. */
  readonly holds?: Digest;
  /** `kept` if it stands for a newer version. */
  readonly change: 'created' | 'moved' | 'unchanged' | 'kept';
  /** The tag of the newer version for which it stands, also if it is moved back. */
  readonly newer?: string;
}

/** The difference to an artifact that a tag holds now, or that is attached to the image. */
export type Comparison = {
  /** With digest, and the tag if there is one. */
  readonly reference: Reference;
} & (
  | { readonly diff: ProfileDiff; readonly verification: Verification }
  /** Why the two could not be compared, such as an artifact that does not verify. */
  | { readonly problem: string }
);

/** What publishing a profile will do. Nothing has been sent. */
export interface PublicationPlan {
  /** Without the tag. */
  readonly reference: PinnedReference;
  readonly profile: RuntimeProfile;
  readonly findings: readonly Finding[];
  /** What will be in the registry; if the tag holds its equal, that. */
  readonly artifact: ProfileArtifact;
  /** True if the first tag, or without tags the repository, holds it already. */
  readonly isHeld: boolean;
  /** The requested tag, or those of the version. The first is never `kept`. */
  readonly tags: readonly TagChange[];
  /**
   * With each artifact that loses a tag to this one; for a new version whose tags are all new, with
   * that of the version before it; for a profile of an image, with the one attached to it now.
   */
  readonly comparisons: readonly Comparison[];
}

/** The result of publish. */
export interface Published extends PublicationPlan {
  /** Digest of the signature's manifest; undefined if it was published unsigned. */
  readonly signature?: Digest | undefined;
  /** True if there was a signature by the same signer in the same form, so that none was added. */
  readonly alreadySigned: boolean;
  /** Digest of the manifest of its provenance. */
  readonly provenance?: Digest | undefined;
  /** True if there was the same provenance by the same signer. */
  readonly alreadyAttested: boolean;
  /** Why the policy admits it, if a policy was given. */
  readonly verification?: Verification | undefined;
}
