import type { Descriptor } from '#lib/registry/descriptor';
import { type Attestation, attestStatement, signStatement } from '../signature/statement.ts';
import type { Signer } from './signer.ts';

/**
 * Signs an artifact by its digest. Returns the bytes of a Sigstore bundle v0.3 (JSON) with an
 * in-toto statement in a DSSE envelope, which is what cosign 3 writes and verifies; packSignature
 * makes a referrer of it. Rejects as the signer.
 */
export function signArtifact(descriptor: Descriptor, signer: Signer): Promise<Uint8Array> {
  return signer.sign(signStatement(descriptor));
}

/** Signs a statement about an artifact in the same way. */
export function signAttestation(descriptor: Descriptor, attestation: Attestation, signer: Signer): Promise<Uint8Array> {
  return signer.sign(attestStatement(descriptor, attestation));
}
