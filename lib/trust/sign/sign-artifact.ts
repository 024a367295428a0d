import type { Descriptor } from '#lib/registry/descriptor';
import { keyHint, type Signer } from '../keys/key.ts';
import type { Requirement } from '../policy/policy.ts';
import { preAuthEncoding } from '../signature/dsse.ts';
import { type Attestation, attestStatement, signStatement, statementPayloadType } from '../signature/statement.ts';
import { bundleBytes, envelopeOf } from '../signature/write-bundle.ts';

export type { Signer } from '../keys/key.ts';

/**
 * Something that signs with the help of services, and so gives whole bundles: keyless-signer.ts and
 * logged-signer.ts.
 */
export interface StatementSigner {
  /** Gives a Sigstore bundle v0.3 (JSON) around an in-toto statement. */
  signStatement(statement: Uint8Array): Promise<Uint8Array>;
  /**
   * What its next signature will meet: where all of that is met already, one more would say nothing
   * new. Undefined where it cannot be told whether others are as good, for want of a trusted root.
   * Rejects as signStatement.
   */
  requirements?(): Promise<readonly Requirement[] | undefined>;
}

/**
 * Signs an artifact by its digest: a Sigstore bundle v0.3 (JSON) with an in-toto statement in a
 * DSSE envelope, which is what cosign 3 writes and verifies. Gives the bundle's bytes;
 * packSignature makes a referrer of them.
 */
export function signArtifact(descriptor: Descriptor, signer: Signer | StatementSigner): Promise<Uint8Array> {
  return signBundle(signStatement(descriptor), signer);
}

/** Signs a statement about an artifact in the same way. */
export function signAttestation(
  descriptor: Descriptor,
  attestation: Attestation,
  signer: Signer | StatementSigner,
): Promise<Uint8Array> {
  return signBundle(attestStatement(descriptor, attestation), signer);
}

/** What the next signature of a signer will meet; undefined as StatementSigner says. */
export async function requirementsMetBy(signer: Signer | StatementSigner): Promise<readonly Requirement[] | undefined> {
  if ('signStatement' in signer) return signer.requirements?.();
  return [{ anyOf: [{ key: 'that signs', publicKey: signer.publicKey }] }];
}

async function signBundle(statement: Uint8Array, signer: Signer | StatementSigner): Promise<Uint8Array> {
  if ('signStatement' in signer) return signer.signStatement(statement);
  const signature = await signer.sign(preAuthEncoding(statementPayloadType, statement));
  return bundleBytes(envelopeOf(statement, signature), { publicKey: { hint: keyHint(signer.publicKey) } });
}
