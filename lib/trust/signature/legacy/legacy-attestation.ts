import type { Blob } from '#lib/artifact/artifact';
import { blob } from '#lib/artifact/assemble-artifact';
import type { Descriptor } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { PrivateKey } from '../../keys/key.ts';
import { preAuthEncoding } from '../dsse.ts';
import { type Attestation, legacyAttestStatement, statementPayloadType } from '../statement.ts';
import { legacySignatureAnnotation } from './legacy-payload.ts';

/** Media type of a layer of cosign's legacy attestation manifest: the DSSE envelope. */
export const legacyEnvelopeMediaType = 'application/vnd.dsse.envelope.v1+json';
/** Annotation of that layer with the predicate type. */
export const legacyPredicateAnnotation = 'predicateType';

/**
 * Signs a statement about an artifact as cosign 2 does. Returns the layer for the manifest under
 * its legacy tag (`.att`).
 */
export async function signLegacyAttestation(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  attestation: Attestation,
  key: PrivateKey,
): Promise<Blob> {
  const statement = legacyAttestStatement(descriptor, formatRepository(reference), attestation);
  const signature = await key.signBytes(preAuthEncoding(statementPayloadType, statement));
  const envelope = {
    payloadType: statementPayloadType,
    payload: Buffer.from(statement).toString('base64'),
    signatures: [{ keyid: '', sig: Buffer.from(signature).toString('base64') }],
  };
  return blob(legacyEnvelopeMediaType, new TextEncoder().encode(JSON.stringify(envelope)), {
    // Empty, because the signature is in the envelope; cosign skips layers without it.
    [legacySignatureAnnotation]: '',
    [legacyPredicateAnnotation]: attestation.predicateType,
  });
}
