import { bundleToJSON, toDSSEBundle } from '@sigstore/bundle';
import type { Descriptor } from '#lib/registry/descriptor';
import { preAuthEncoding } from './dsse.ts';
import { keyHint, type Signer } from './key.ts';
import type { KeylessSigner } from './keyless-signer.ts';
import { type Attestation, attestStatement, signStatement, statementPayloadType } from './statement.ts';

export type { Signer } from './key.ts';

/**
 * Signs an artifact by its digest: a Sigstore bundle v0.3 (JSON) with an in-toto statement in a DSSE envelope, which is
 * what cosign 3 writes and verifies. Gives the bundle's bytes; packSignature makes a referrer of them.
 */
export function signArtifact(descriptor: Descriptor, signer: Signer | KeylessSigner): Promise<Uint8Array> {
  return signBundle(signStatement(descriptor), signer);
}

/** Signs a statement about an artifact in the same way. */
export function signAttestation(
  descriptor: Descriptor,
  attestation: Attestation,
  signer: Signer | KeylessSigner,
): Promise<Uint8Array> {
  return signBundle(attestStatement(descriptor, attestation), signer);
}

async function signBundle(statement: Uint8Array, signer: Signer | KeylessSigner): Promise<Uint8Array> {
  if ('signStatement' in signer) return signer.signStatement(statement);
  const signature = await signer.sign(preAuthEncoding(statementPayloadType, statement));
  const bundle = toDSSEBundle({
    artifact: Buffer.from(statement),
    artifactType: statementPayloadType,
    signature: Buffer.from(signature),
  });
  // The hint is set here and not above, where it would become the envelope's keyid too: cosign leaves that empty, and takes
  // a signature with one for another key's.
  bundle.verificationMaterial.content = { $case: 'publicKey', publicKey: { hint: keyHint(signer.publicKey) } };
  return new TextEncoder().encode(JSON.stringify(bundleToJSON(bundle)));
}
