import { FairleadError } from '#lib/errors';
import { digestOf } from '#lib/registry/digest';
import { verifyBytes } from '../../keys/key-algorithm.ts';
import { envelopeContent, legacyBundle, messageSignature } from '../legacy/legacy-bundle.ts';
import { assertLegacyPayload, legacySignatureAnnotation } from '../legacy/legacy-payload.ts';
import { signPredicateType } from '../predicate-type.ts';
import type { Signature } from '../signature.ts';
import { openEnvelope, refuseAttestation } from './bundle-content.ts';
import type { SignedContent } from './signed-content.ts';

/** Takes apart a signature in the format of cosign 2. */
export function openLegacySignature({ payload, annotations }: Extract<Signature, { format: 'legacy' }>): SignedContent {
  const signature = Buffer.from(annotations[legacySignatureAnnotation] ?? '', 'base64');
  return {
    signedDigest: () => digestOf(payload),
    isSignedWith: (key) => verifyBytes(key, payload, signature),
    signature,
    timestamped: signature,
    madeWith: annotations['dev.sigstore.cosign/certificate'] === undefined ? 'key' : 'certificate',
    bundle: () => legacyBundle(messageSignature(payload, signature), annotations),
    assertIsFor: (descriptor) => assertLegacyPayload(payload, descriptor),
    claimedPredicateType: () => signPredicateType,
    assertAttests: refuseAttestation,
  };
}

/**
 * Takes apart an attestation in the format of cosign 2. Throws SignatureInvalid if it is malformed.
 */
export function openLegacyAttestation({
  envelope,
  annotations,
}: Extract<Signature, { format: 'legacy-attestation' }>): SignedContent {
  const bundle = legacyBundle(envelopeContent(envelope), annotations);
  if (bundle.content.$case !== 'dsseEnvelope') {
    throw new FairleadError('SignatureInvalid', 'its layer has no DSSE envelope');
  }
  return {
    ...openEnvelope(bundle, bundle.content.dsseEnvelope),
    timestamped: envelope,
    // cosign 2 looks for signatures under another tag: what is attested here is never one.
    assertIsFor() {
      throw new FairleadError('SignatureInvalid', 'it is an attestation, not a signature');
    },
  };
}
