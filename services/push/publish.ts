import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushBlobs, pushManifest } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { lint } from '#lib/profile/lint';
import type { Finding, RuntimeKind, RuntimeProfile } from '#lib/profile/profile';
import { readProfile } from '#lib/profile/read-profile';
import { validateArtifact } from '#lib/profile/validate-artifact';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import type { Reference } from '#lib/registry/reference';
import type { Target } from '#lib/registry/target';
import { attachAttestation, attachSignature } from '#lib/trust/attach-signature';
import type { Signer } from '#lib/trust/key';
import { provenancePredicateType } from '#lib/trust/predicate-type';
import type { StatementSigner } from '#lib/trust/sign-artifact';
import type { SignatureFormat } from '#lib/trust/signature';

export interface PublishRequest {
  /** Where to: a repository and, unless it is to be found by its digest alone, a tag. */
  readonly reference: Reference;
  /** File name of the profile, kept as the title of its layer. */
  readonly title?: string | undefined;
  /** Annotations of the artifact's manifest. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Kept as `org.opencontainers.image.created`; without it the same profile always has the same digest. */
  readonly created?: Date | undefined;
  /** How signature and provenance are stored; as bundles unless told. */
  readonly signatureFormat?: SignatureFormat | undefined;
  /** SLSA provenance v1 (the predicate) to attest, signed by the same signer. */
  readonly provenance?: object | undefined;
}

export interface PublishDependencies {
  readonly target: Target;
  /**
   * Without a signer the artifact is published unsigned. One that is still being opened is waited for before a manifest is sent; the
   * blobs, which nothing names yet, go ahead.
   */
  readonly signer?: Signer | StatementSigner | Promise<Signer | StatementSigner> | undefined;
  /** The time that the signature's manifest carries. */
  readonly clock: () => Date;
  readonly limits: { readonly entriesPerSyscall: number };
  /** Throws for what may not be published here; asked before anything is sent. */
  readonly authorize?: ((reference: Reference, kind: RuntimeKind) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was published. */
export interface Published {
  /** The reference to hand on: pinned to the digest, without the tag. */
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly profile: RuntimeProfile;
  readonly findings: readonly Finding[];
  /** Digest of the signature's manifest; undefined where it was published unsigned. */
  readonly signature?: Digest | undefined;
  /** Digest of the manifest of its provenance. */
  readonly provenance?: Digest | undefined;
}

/**
 * Publishes one profile: read, lint, pack, sign, attest, push. It is stored byte for byte as it came, and the tag is written last,
 * so that no unsigned or half-sent artifact ever stands under it.
 * Throws ProfileInvalid for a profile that no runtime would accept, and whatever the target and the opening of the signer throw.
 */
export async function publish(
  bytes: Uint8Array,
  { reference, title, annotations, created, signatureFormat = 'bundle', provenance }: PublishRequest,
  { target, signer: opening, clock, limits, authorize, signal }: PublishDependencies,
): Promise<Published> {
  const { registry, repository, tag } = reference;
  if (reference.digest !== undefined) {
    throw new FairleadError('InvalidInput', 'a profile is published to a tag, not to a digest', {
      hint: 'Name a tag (registry/repository:tag), or none: the digest is what comes out.',
    });
  }
  if (provenance !== undefined && opening === undefined) {
    throw new FairleadError('InvalidInput', 'provenance is signed, and there is nothing to sign with');
  }
  const profile = readProfile(bytes, title);
  validateArtifact(profile, limits);
  authorize?.(reference, profile.kind);
  const findings = lint(profile);
  const artifact = packArtifact(profile, { layout: 'runtime', content: bytes, title, annotations, created });
  const { descriptor } = artifact;
  const options = signal === undefined ? {} : { signal };
  const [signer] = await Promise.all([opening, pushBlobs(target, artifact, options)]);
  await pushManifest(target, artifact, signer === undefined ? tag : undefined, options);
  const signature =
    signer &&
    (await attachSignature(
      target,
      { descriptor, reference, signer, format: signatureFormat, created: clock() },
      options,
    ));
  const attested =
    signer &&
    provenance &&
    (await attachAttestation(
      target,
      {
        descriptor,
        reference,
        format: signatureFormat,
        attestation: { predicateType: provenancePredicateType, predicate: provenance },
        signer,
        created: clock(),
      },
      options,
    ));
  if (signer !== undefined && tag !== undefined) await target.tag(descriptor, tag, options);
  return {
    reference: { registry, repository, digest: descriptor.digest },
    descriptor,
    profile,
    findings,
    signature: signature?.digest,
    provenance: attested?.digest,
  };
}
