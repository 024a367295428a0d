import type { ProfileArtifact } from '#lib/artifact/artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushBlobs, pushManifest } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { pullProfile } from '#lib/node/pull/pull-profile';
import type { Finding } from '#lib/profile/finding';
import { lintMeaning } from '#lib/profile/lint';
import type { RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import type { PublicationLimits } from '#lib/profile/publication-limits';
import { validatePublication } from '#lib/profile/publication-violations';
import { readProfile } from '#lib/profile/read-profile';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import type { PinnedReference } from '#lib/registry/pinned-reference';
import { formatReference, type Reference } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { Target } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { TrustPolicy } from '#lib/trust/policy/policy';
import { type Attached, attachAttestation, attachSignature } from '#lib/trust/sign/attach-signature';
import type { Signer } from '#lib/trust/sign/signer';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import type { SignatureFormat, Verification } from '#lib/trust/signature/signature';
import { legacyOnly } from '#lib/trust/verify/refusal';

export interface PublishRequest {
  /** The repository and, unless the profile is to be found by its digest alone, a tag. */
  readonly reference: Reference;
  /** Names the profile in messages, such as its file; not part of the artifact. */
  readonly source?: string | undefined;
  /**
   * File name to publish the profile under; without one, the same bytes always have the same
   * digest.
   */
  readonly title?: string | undefined;
  /** Annotations of the artifact's manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Written as `org.opencontainers.image.created`; absent by default. */
  readonly created?: Date | undefined;
  /** How signature and provenance are stored; as bundles by default. */
  readonly signatureFormat?: SignatureFormat | undefined;
  /** SLSA provenance v1 (the predicate) to attest, signed by the same signer. */
  readonly provenance?: object | undefined;
}

export interface PublishDependencies {
  readonly target: Target;
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
  readonly signal?: AbortSignal | undefined;
}

/** The result of publish. */
export interface Published {
  /** Without the tag. */
  readonly reference: PinnedReference;
  /** The tag that points to it; undefined if none was requested. */
  readonly tag?: string | undefined;
  readonly descriptor: Descriptor;
  readonly profile: RuntimeProfile;
  readonly findings: readonly Finding[];
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

/**
 * Publishes one profile: read, lint, pack, push, sign, attest, read back, tag. The profile is
 * stored byte for byte as given. The tag is written last, so that nothing unsigned, incomplete or
 * refused by the policy is ever found under it. Throws InvalidInput for a reference with a digest
 * or a reserved tag, LimitExceeded for a profile that is too large, ProfileInvalid for a profile
 * that some runtime would refuse permanently, NotAllowed and SignatureInvalid if the policy refuses
 * it, and whatever the target and the signer throw.
 */
export async function publish(
  bytes: Uint8Array,
  request: PublishRequest,
  dependencies: PublishDependencies,
): Promise<Published> {
  const { reference, annotations, title, created } = request;
  const { target, policy, signal } = dependencies;
  const options = signal === undefined ? {} : { signal };

  validateRequest(request, dependencies);
  const profile = readPublishable(bytes, request, dependencies);
  if (policy !== undefined) authorize(policy, reference, profile.kind);
  const findings = lintMeaning(profile);
  const artifact = packArtifact(profile, { layout: 'runtime', content: bytes, title, annotations, created });
  const { registry, repository, tag } = reference;
  const pinned = { registry, repository, digest: artifact.descriptor.digest };

  const [signer] = await Promise.all([dependencies.signer, pushBlobs(target, artifact, options)]);
  const tagWithManifest = signer === undefined && policy === undefined;
  const sent = pushManifest(target, artifact, tagWithManifest ? tag : undefined, options);
  const [attached] = await Promise.all([signAndAttest(artifact, sent, signer, request, dependencies), sent]);
  const verification = policy && (await readBack(pinned, profile.kind, policy, dependencies));
  if (tag !== undefined && !tagWithManifest) await target.tag(artifact.descriptor, tag, options);

  return {
    reference: pinned,
    tag,
    descriptor: artifact.descriptor,
    profile,
    findings,
    signature: attached.signature?.digest,
    alreadySigned: attached.signature?.alreadyThere ?? false,
    provenance: attached.provenance?.digest,
    alreadyAttested: attached.provenance?.alreadyThere ?? false,
    verification,
  };
}

function validateRequest({ reference, provenance }: PublishRequest, { signer }: PublishDependencies): void {
  if (reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', `cannot publish to a digest: ${formatReference(reference)}`, {
      hint: 'Name a tag (registry/repository:tag), or only the repository: the digest follows from the profile.',
    });
  }
  refuseReservedTag(reference.tag);
  if (provenance !== undefined && signer === undefined) {
    throw new FairleadError('InvalidInput', 'provenance must be signed, but there is no signer', {
      hint: 'Sign with a key or an identity, or leave out `provenance`.',
    });
  }
}

/** Reads the profile, and verifies that every runtime takes it. Throws as publish does. */
function readPublishable(
  bytes: Uint8Array,
  { source, title }: PublishRequest,
  { limits }: PublishDependencies,
): RuntimeProfile {
  if (bytes.length > limits.artifactBytes) {
    throw new FairleadError(
      'LimitExceeded',
      `the profile has ${bytes.length} bytes, more than the ${limits.artifactBytes} allowed`,
    );
  }
  const profile = readProfile(bytes, source ?? title);
  validatePublication(profile, limits);
  return profile;
}

/**
 * Signs the artifact and, if there is provenance, attests it. `sent` resolves when the artifact's
 * manifest is at the target; the signature is made meanwhile.
 */
async function signAndAttest(
  { descriptor }: ProfileArtifact,
  sent: Promise<void>,
  signer: Signer | undefined,
  { reference, signatureFormat: format = 'bundle', provenance }: PublishRequest,
  { target, clock, signal }: PublishDependencies,
): Promise<{ readonly signature?: Attached; readonly provenance?: Attached }> {
  if (signer === undefined) return {};
  const options = signal === undefined ? {} : { signal };
  const request = { descriptor, reference, signer, format, created: clock() };
  const signature = await attachSignature(target, { ...request, sent }, options);
  if (provenance === undefined) return { signature };
  const attestation = { predicateType: provenancePredicateType, predicate: provenance };
  return { signature, provenance: await attachAttestation(target, { ...request, attestation }, options) };
}

/**
 * Pulls what was just sent, as a node would, and returns why the policy admits it. Throws as
 * pullProfile does; the message adds that nothing was tagged.
 */
async function readBack(
  reference: PinnedReference,
  kind: RuntimeKind,
  policy: TrustPolicy,
  { target, limits, signal }: PublishDependencies,
): Promise<Verification> {
  try {
    const options = signal === undefined ? {} : { signal };
    const pulled = await pullProfile(
      { reference, kind },
      { policy: { ...policy, limits }, connect: () => target, ...options },
    );
    return pulled.verification;
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { kind: errorKind, summary, ...rest } = error;
    const hint =
      errorKind === 'SignatureInvalid' && !error.hint?.startsWith(legacyOnly)
        ? 'Sign it as the rule requires: fairlead push again, or fairlead sign and fairlead tag.'
        : error.hint;
    throw new FairleadError(errorKind, `sent, but not tagged: ${summary}`, {
      ...rest,
      ...(hint && { hint }),
      cause: error,
    });
  }
}
