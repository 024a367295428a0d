import type { Artifact } from '#lib/artifact/artifact';
import { blob } from '#lib/artifact/assemble-artifact';
import type { Descriptor, Manifest } from '#lib/registry/descriptor';
import { formatRepository, type Reference } from '#lib/registry/reference';
import { preAuthEncoding } from './dsse.ts';
import type { Signer } from './key.ts';
import { withLegacyLayer } from './legacy-manifest.ts';
import { legacySignatureAnnotation } from './legacy-payload.ts';
import { type Attestation, legacyAttestStatement, statementPayloadType } from './statement.ts';

/** Media type of a layer of cosign's legacy attestation manifest: the DSSE envelope. */
export const legacyEnvelopeMediaType = 'application/vnd.dsse.envelope.v1+json';
/** Annotation of that layer with the predicate type. */
export const legacyPredicateAnnotation = 'predicateType';

/**
 * Signs a statement about an artifact as cosign 2 does, and packs the manifest that goes under its legacy tag (`.att`); the
 * attestations that are there already (`existing`) are kept.
 */
export async function signLegacyAttestation(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  { attestation, signer }: { readonly attestation: Attestation; readonly signer: Signer },
  existing: Manifest | undefined,
): Promise<Artifact> {
  const statement = legacyAttestStatement(descriptor, formatRepository(reference), attestation);
  const signature = await signer.sign(preAuthEncoding(statementPayloadType, statement));
  const envelope = {
    payloadType: statementPayloadType,
    payload: Buffer.from(statement).toString('base64'),
    signatures: [{ keyid: '', sig: Buffer.from(signature).toString('base64') }],
  };
  const layer = blob(legacyEnvelopeMediaType, new TextEncoder().encode(JSON.stringify(envelope)), {
    // Empty, because the signature is in the envelope; cosign passes over layers without it.
    [legacySignatureAnnotation]: '',
    [legacyPredicateAnnotation]: attestation.predicateType,
  });
  return withLegacyLayer(existing, layer);
}
