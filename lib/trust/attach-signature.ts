import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import type { Reference } from '#lib/registry/reference';
import type { CallOptions, Target } from '#lib/registry/target';
import { signatureLimits } from './fetch-signatures.ts';
import type { Signer } from './key.ts';
import { signLegacyAttestation } from './legacy-attestation.ts';
import { type LegacyKind, legacyTag } from './legacy-manifest.ts';
import { signLegacy } from './legacy-signature.ts';
import { packSignature } from './pack-signature.ts';
import type { StatementSigner } from './sign-artifact.ts';
import { signArtifact, signAttestation } from './sign-artifact.ts';
import type { SignatureFormat } from './signature.ts';
import type { Attestation } from './statement.ts';

export interface SignatureRequest {
  /** The artifact's manifest, which is in the target already. */
  readonly descriptor: Descriptor;
  /** Where it lies, as the legacy form says in its payload. */
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly signer: Signer | StatementSigner;
  /** `bundle` for cosign 3 and everything new, `legacy` for what reads only the signatures of cosign 2. */
  readonly format: SignatureFormat;
  readonly created?: Date | undefined;
}

/**
 * Signs an artifact and puts the signature beside it: a bundle as a referrer, or one more layer under the legacy tag, where
 * the signatures of others stay. Gives the descriptor of the manifest that carries the signature.
 * Throws InvalidInput where the legacy form cannot say it (sha512, keyless), or where something else stands under its tag.
 */
export async function attachSignature(
  target: Target,
  { descriptor, reference, signer, format, created }: SignatureRequest,
  options: CallOptions = {},
): Promise<Descriptor> {
  if (format === 'bundle') {
    const signature = packSignature(descriptor, await signArtifact(descriptor, signer), { created });
    await pushArtifact(target, signature, undefined, undefined, options);
    return signature.descriptor;
  }
  const { key, tag, existing } = await openLegacy(target, { descriptor, signer, kind: 'sig' }, options);
  const signature = await signLegacy(descriptor, reference, key, existing);
  await pushArtifact(target, signature, undefined, tag, options);
  return signature.descriptor;
}

export interface AttestationRequest {
  /** The artifact's manifest, which is in the target already. */
  readonly descriptor: Descriptor;
  /** Where it lies, as the legacy form says in its statement. */
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly attestation: Attestation;
  readonly signer: Signer | StatementSigner;
  readonly format: SignatureFormat;
  readonly created?: Date | undefined;
}

/**
 * Signs a statement about an artifact and puts it beside it, in the same ways; gives the descriptor of the manifest that carries it.
 * Throws as attachSignature.
 */
export async function attachAttestation(
  target: Target,
  { descriptor, reference, attestation, signer, format, created }: AttestationRequest,
  options: CallOptions = {},
): Promise<Descriptor> {
  if (format === 'legacy') {
    const { key, tag, existing } = await openLegacy(target, { descriptor, signer, kind: 'att' }, options);
    const attested = await signLegacyAttestation(descriptor, reference, { attestation, signer: key }, existing);
    await pushArtifact(target, attested, undefined, tag, options);
    return attested.descriptor;
  }
  const { predicateType } = attestation;
  const bundle = await signAttestation(descriptor, attestation, signer);
  const packed = packSignature(descriptor, bundle, { created, predicateType });
  await pushArtifact(target, packed, undefined, undefined, options);
  return packed.descriptor;
}

/** The key to sign with, the legacy tag, and what is under it already. Throws InvalidInput where the legacy form cannot say it. */
async function openLegacy(
  target: Target,
  {
    descriptor,
    signer,
    kind,
  }: { readonly descriptor: Descriptor; readonly signer: Signer | StatementSigner; readonly kind: LegacyKind },
  options: CallOptions,
): Promise<{ key: Signer; tag: string; existing: Manifest | undefined }> {
  if ('signStatement' in signer) {
    throw new FairleadError(
      'InvalidInput',
      'keyless signatures, and those that are logged, are written as bundles only',
      {
        hint: 'Leave out --signature-format legacy, or sign with a key and no signing config.',
      },
    );
  }
  const tag = legacyTag(descriptor, kind);
  if (tag === undefined) {
    throw new FairleadError('InvalidInput', `the legacy form has no place for signatures of ${descriptor.digest}`, {
      hint: 'Sign in the bundle format: it knows sha512.',
    });
  }
  return { key: signer, tag, existing: await existingManifest(target, tag, options) };
}

async function existingManifest(target: Target, tag: string, options: CallOptions): Promise<Manifest | undefined> {
  let descriptor: Descriptor;
  try {
    descriptor = await target.resolve(tag, options);
  } catch (error) {
    if (error instanceof FairleadError && error.kind === 'NotFound') return undefined;
    throw error;
  }
  if (descriptor.mediaType !== mediaTypes.manifest) {
    throw new FairleadError('InvalidInput', `tag ${tag} holds ${descriptor.mediaType}, where signatures belong`, {
      hint: 'Nothing was changed. Look at what stands there, and remove it if it is of no use.',
    });
  }
  const bytes = await fetchBytes(target, descriptor, { ...options, limit: signatureLimits.legacyManifestBytes });
  return parseManifest(bytes, `signatures under tag ${tag}`);
}
