import type { Blob } from '#lib/artifact/artifact';
import { pushArtifact, pushBlobs, pushManifest } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { CallOptions, Target } from '#lib/registry/target';
import type { PrivateKey } from '../keys/key.ts';
import { preAuthEncoding } from '../signature/dsse.ts';
import { signLegacyAttestation } from '../signature/legacy/legacy-attestation.ts';
import { signLegacy } from '../signature/legacy/legacy-signature.ts';
import { packSignature } from '../signature/pack-signature.ts';
import type { SignatureFormat } from '../signature/signature.ts';
import {
  type Attestation,
  attestStatement,
  legacyAttestStatement,
  statementPayloadType,
} from '../signature/statement.ts';
import { type Attached, attachLegacy } from './attach-legacy.ts';
import { findHeld } from './held-signature.ts';
import { signArtifact, signAttestation } from './sign-artifact.ts';
import type { Signer } from './signer.ts';

export type { Attached } from './attach-legacy.ts';

/** The artifact that attachSignature signs, and how. */
export interface SignatureRequest {
  /** The artifact's manifest, which is in the target or is being pushed. */
  readonly descriptor: Descriptor;
  /** Resolves when the push, if any, is complete: nothing that refers to it is sent before. */
  readonly sent?: Promise<unknown> | undefined;
  /** The repository of the artifact, which the legacy format has in its payload. */
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly signer: Signer;
  /** `bundle` for cosign 3 and newer tools, `legacy` for tools that read only those of cosign 2. */
  readonly format: SignatureFormat;
  readonly created?: Date | undefined;
}

/**
 * Signs an artifact and attaches the signature: a bundle as a referrer, or one more layer under the
 * legacy tag, where the signatures of others remain. Adds nothing if a signature of the same signer
 * in the same format exists and verifies. Returns the descriptor of the manifest with the
 * signature. Throws InvalidInput if the legacy format does not support it (sha512, keyless), and as
 * attachLegacy.
 */
export async function attachSignature(
  target: Target,
  { descriptor, sent, reference, signer, format, created }: SignatureRequest,
  options: CallOptions = {},
): Promise<Attached> {
  const find = (): Promise<Descriptor | undefined> =>
    findHeld(target, { descriptor, reference, signer, format }, options);
  if (format === 'bundle') {
    const held = await find();
    if (held !== undefined) {
      await sent;
      return { ...held, alreadyThere: true };
    }
    // A supplied bundle is packed without the time, so that the same bundle is stored once.
    const signature = packSignature(descriptor, await signArtifact(descriptor, signer), {
      ...(!signer.supplied && { created }),
    });
    if (signer.supplied && (await target.exists(signature.descriptor, options))) {
      await sent;
      return { ...signature.descriptor, alreadyThere: true };
    }
    await Promise.all([sent, pushBlobs(target, signature, options)]);
    await pushManifest(target, signature, undefined, options);
    return { ...signature.descriptor, alreadyThere: false };
  }
  const key = legacyKey(signer);
  await sent;
  const makeLayer = (): Promise<Blob> => signLegacy(descriptor, reference, key);
  return attachLegacy(target, { descriptor, kind: 'sig', makeLayer, findHeld: find }, options);
}

/** The statement that attachAttestation signs, and how. */
export interface AttestationRequest {
  /** The artifact's manifest, which is in the target. */
  readonly descriptor: Descriptor;
  /** The repository of the artifact, which the legacy format has in its statement. */
  readonly reference: Pick<Reference, 'registry' | 'repository'>;
  readonly attestation: Attestation;
  /** True to add nothing if the signer has made any attestation of this type about the artifact. */
  readonly unlessAny?: boolean;
  readonly signer: Signer;
  readonly format: SignatureFormat;
  readonly created?: Date | undefined;
}

/**
 * Signs a statement about an artifact and attaches it in the same ways, unless the same statement
 * of the same signer exists; with `unlessAny`, any one of this type. Throws as attachSignature.
 */
export async function attachAttestation(
  target: Target,
  { descriptor, reference, attestation, unlessAny = false, signer, format, created }: AttestationRequest,
  options: CallOptions = {},
): Promise<Attached> {
  const { predicateType } = attestation;
  const statement =
    format === 'legacy'
      ? legacyAttestStatement(descriptor, formatRepository(reference), attestation)
      : attestStatement(descriptor, attestation);
  const signed = unlessAny ? undefined : preAuthEncoding(statementPayloadType, statement);
  const request = { descriptor, reference, signer, format, attestation: { predicateType, signed } };
  const find = (): Promise<Descriptor | undefined> => findHeld(target, request, options);
  if (format === 'legacy') {
    const key = legacyKey(signer);
    const makeLayer = (): Promise<Blob> => signLegacyAttestation(descriptor, reference, attestation, key);
    return attachLegacy(target, { descriptor, kind: 'att', makeLayer, findHeld: find }, options);
  }
  const held = await find();
  if (held !== undefined) return { ...held, alreadyThere: true };
  const bundle = await signAttestation(descriptor, attestation, signer);
  const packed = packSignature(descriptor, bundle, { created, predicateType });
  await pushArtifact(target, packed, undefined, undefined, options);
  return { ...packed.descriptor, alreadyThere: false };
}

/**
 * Returns the key to sign with in the legacy format. Throws InvalidInput for a signer whose
 * signatures need more than a key.
 */
function legacyKey({ key }: Signer): PrivateKey {
  if (key !== undefined) return key;
  throw new FairleadError('InvalidInput', 'keyless and logged signatures need the bundle format, not the legacy one', {
    hint: "Omit `format: 'legacy'`, or sign with a key and no signing config.",
  });
}
