import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushBlobs, pushManifest } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type PullContext, type PullRequest, pullProfile } from '#lib/node/pull/pull-profile';
import type { Finding } from '#lib/profile/finding';
import { lintMeaning } from '#lib/profile/lint';
import type { RuntimeProfile } from '#lib/profile/profile';
import { validatePublication } from '#lib/profile/publication-violations';
import { readProfile } from '#lib/profile/read-profile';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import type { Reference } from '#lib/registry/reference';
import { refuseReservedTag } from '#lib/registry/reserved-tag';
import type { PushOptions, Target } from '#lib/registry/target';
import { authorize } from '#lib/trust/policy/authorize';
import type { Limits, TrustPolicy } from '#lib/trust/policy/policy';
import {
  type Attached,
  attachAttestation,
  attachSignature,
  type SignatureRequest,
} from '#lib/trust/sign/attach-signature';
import type { Signer } from '#lib/trust/sign/signer';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import type { SignatureFormat, Verification } from '#lib/trust/signature/signature';
import { legacyOnly } from '#lib/trust/verify/verify-signatures';

export interface PublishRequest {
  /** Where to: a repository and, unless it is to be found by its digest alone, a tag. */
  readonly reference: Reference;
  /** How messages call the profile, such as its file; no part of the artifact. */
  readonly source?: string | undefined;
  /**
   * File name to publish the profile under; without one, the same bytes have the same digest
   * wherever they come from.
   */
  readonly title?: string | undefined;
  /** Annotations of the artifact's manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Kept as `org.opencontainers.image.created`; without it no time is. */
  readonly created?: Date | undefined;
  /** How signature and provenance are stored; as bundles unless told. */
  readonly signatureFormat?: SignatureFormat | undefined;
  /** SLSA provenance v1 (the predicate) to attest, signed by the same signer. */
  readonly provenance?: object | undefined;
}

export interface PublishDependencies {
  readonly target: Target;
  /**
   * Without a signer the artifact is published unsigned. One that is still being opened is waited
   * for before a manifest is sent; the blobs, which nothing names yet, go ahead.
   */
  readonly signer?: Signer | Promise<Signer> | undefined;
  /** The time that the signature's manifest carries. */
  readonly clock: () => Date;
  readonly limits: Limits;
  /**
   * What a node would ask. Nothing is sent that no rule of it allows; what was sent is read back
   * under it before the tag is written.
   */
  readonly policy?: TrustPolicy | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was published. */
export interface Published {
  /** The reference to hand on: pinned to the digest, without the tag. */
  readonly reference: Reference;
  /** The tag that stands for it now; undefined where none was asked for. */
  readonly tag?: string | undefined;
  readonly descriptor: Descriptor;
  readonly profile: RuntimeProfile;
  readonly findings: readonly Finding[];
  /** Digest of the signature's manifest; undefined where it was published unsigned. */
  readonly signature?: Digest | undefined;
  /**
   * True where that signature was there before, by the same signer in the same form, so that none
   * was added.
   */
  readonly alreadySigned: boolean;
  /** Digest of the manifest of its provenance. */
  readonly provenance?: Digest | undefined;
  /** True where the very same provenance by the same signer was there before. */
  readonly alreadyAttested: boolean;
  /** Why the policy admits it, where one was given. */
  readonly verification?: Verification | undefined;
}

/**
 * Publishes one profile: read, lint, pack, sign, attest, push, read back. It is stored byte for
 * byte as it came, and the tag is written last, so that nothing unsigned, half-sent or refused by
 * the policy ever stands under it. Throws InvalidInput for a reserved tag, LimitExceeded for a
 * profile that is too large, ProfileInvalid for one that some runtime would refuse for good,
 * NotAllowed and SignatureInvalid where the policy refuses it, and whatever the target and the
 * opening of the signer throw.
 */
export async function publish(
  bytes: Uint8Array,
  { reference, source, title, annotations, created, signatureFormat: format = 'bundle', provenance }: PublishRequest,
  { target, signer: opening, clock, limits, policy, signal }: PublishDependencies,
): Promise<Published> {
  const { registry, repository, tag } = reference;
  if (reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', 'a profile is published to a tag, not to a digest', {
      hint: 'Name a tag (registry/repository:tag), or none: the digest is what comes out.',
    });
  }
  refuseReservedTag(tag);
  if (provenance !== undefined && opening === undefined) {
    throw new FairleadError('InvalidInput', 'provenance is signed, and there is nothing to sign with');
  }
  if (bytes.length > limits.artifactBytes) {
    throw new FairleadError(
      'LimitExceeded',
      `the profile has ${bytes.length} bytes, more than the ${limits.artifactBytes} allowed`,
    );
  }
  const profile = readProfile(bytes, source ?? title);
  validatePublication(profile, limits);
  if (policy !== undefined) authorize(policy, reference, profile.kind);
  const findings = lintMeaning(profile);
  const artifact = packArtifact(profile, { layout: 'runtime', content: bytes, title, annotations, created });
  const { descriptor } = artifact;
  const pinned = { registry, repository, digest: descriptor.digest };
  const options = signal === undefined ? {} : { signal };

  const [signer] = await Promise.all([opening, pushBlobs(target, artifact, options)]);
  const tagAtOnce = signer === undefined && policy === undefined;
  const sent = pushManifest(target, artifact, tagAtOnce ? tag : undefined, options);
  const look =
    policy &&
    (() => readBack({ reference: pinned, kind: profile.kind }, { policy, connect: () => target, ...options }));
  // Where the list of referrers has to be watched for a while, what was sent is read back
  // meanwhile. Another writer can have taken the signature from the list just then, so only what is
  // seen counts: who sees nothing looks again when the list has come to rest.
  let early: Promise<Verification | undefined> | undefined;
  const onListed = (): void => {
    early ??= look?.().catch(() => undefined);
  };
  const attaching = attachSigned(
    target,
    { descriptor, reference, signer, format, created: clock(), sent, provenance },
    { ...options, onListed },
  );
  const [attached] = await Promise.all([attaching, sent]);
  const verification = look && ((await early) ?? (await look()));
  if (tag !== undefined && !tagAtOnce) await target.tag(descriptor, tag, options);
  return {
    reference: pinned,
    tag,
    descriptor,
    profile,
    findings,
    signature: attached.signature?.digest,
    alreadySigned: attached.signature?.alreadyThere ?? false,
    provenance: attached.provenance?.digest,
    alreadyAttested: attached.provenance?.alreadyThere ?? false,
    verification,
  };
}

interface AttachRequest extends Omit<SignatureRequest, 'signer'> {
  readonly signer: Signer | undefined;
  readonly sent: Promise<unknown>;
  readonly provenance: object | undefined;
}

/**
 * Signs the artifact and, where there is provenance, attests it. `onListed` hears of the last of
 * both.
 */
async function attachSigned(
  target: Target,
  { signer, sent, provenance, ...request }: AttachRequest,
  { onListed, ...options }: PushOptions & Required<Pick<PushOptions, 'onListed'>>,
): Promise<{ readonly signature?: Attached; readonly provenance?: Attached }> {
  if (signer === undefined) {
    await sent;
    return {};
  }
  const last = { ...options, onListed };
  const signature = await attachSignature(
    target,
    { ...request, signer, sent },
    provenance === undefined ? last : options,
  );
  if (provenance === undefined) return { signature };
  const attestation = { predicateType: provenancePredicateType, predicate: provenance };
  return { signature, provenance: await attachAttestation(target, { ...request, signer, attestation }, last) };
}

/**
 * Pulls what was just sent, as a node would; gives why the policy admits it. Throws as pullProfile,
 * and says that the tag is as it was.
 */
async function readBack(request: PullRequest, context: PullContext): Promise<Verification> {
  try {
    return (await pullProfile(request, context)).verification;
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    const { kind, summary, ...rest } = error;
    const hint =
      kind === 'SignatureInvalid' && !error.hint?.startsWith(legacyOnly)
        ? 'Sign it with what the rule asks for: fairlead push again, or fairlead sign and fairlead tag.'
        : error.hint;
    throw new FairleadError(kind, `sent, but not tagged: ${summary}`, { ...rest, ...(hint && { hint }), cause: error });
  }
}
