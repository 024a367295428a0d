import { verify } from 'node:crypto';
import { type Bundle, bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import type { PublicKey } from './key.ts';
import { assertLegacyPayload, legacySignatureAnnotation } from './legacy-payload.ts';
import { bundleMediaType, type Signature } from './signature.ts';
import { assertSignStatement } from './statement.ts';

const noRoot: TrustedRoot = TrustedRoot.fromJSON({});

/**
 * Checks one signature of one artifact with one key: first that the key made it, then that it was made for this artifact.
 * Log entries and timestamps in a bundle are not looked at: with a key, the key alone is what is trusted.
 * Throws SignatureInvalid that says why not, whatever the bytes are.
 */
export function verifyWithKey(signature: Signature, descriptor: Descriptor, publicKey: PublicKey): void {
  if (signature.format === 'legacy') verifyLegacy(signature, descriptor, publicKey);
  else verifyBundle(signature.bundle, descriptor, publicKey);
}

function verifyBundle(bytes: Uint8Array, descriptor: Descriptor, publicKey: PublicKey): void {
  const bundle = readBundle(bytes);
  const { content } = bundle;
  if (content.$case !== 'dsseEnvelope')
    throw new FairleadError('SignatureInvalid', 'its bundle holds no DSSE envelope');
  const { payload, payloadType } = content.dsseEnvelope;
  if (bundle.verificationMaterial.content.$case !== 'publicKey') {
    throw new FairleadError('SignatureInvalid', 'it was made with a certificate, not with a key');
  }
  const trust = toTrustMaterial(noRoot, () => ({ publicKey: publicKey.key, validFor: () => true }));
  const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
  try {
    verifier.verify({ ...toSignedEntity(bundle), tlogEntries: [], timestamps: [] });
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', 'it was not made with this key', { cause });
  }
  assertSignStatement(payloadType, payload, descriptor);
}

/** Reads a bundle (exactly one signature in an envelope, among much else); every way in which it can be malformed is SignatureInvalid. */
function readBundle(bytes: Uint8Array): Bundle {
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    const fields = cause instanceof ValidationError ? `: ${cause.fields.join(', ')}` : '';
    throw new FairleadError('SignatureInvalid', `its bundle is malformed${fields}`, { cause });
  }
  if (bundle.mediaType !== bundleMediaType) {
    throw new FairleadError(
      'SignatureInvalid',
      `its bundle is ${JSON.stringify(bundle.mediaType.slice(0, 160))}, not v0.3`,
    );
  }
  return bundle;
}

function verifyLegacy(
  { payload, annotations }: Extract<Signature, { format: 'legacy' }>,
  descriptor: Descriptor,
  publicKey: PublicKey,
): void {
  const signature = Buffer.from(annotations[legacySignatureAnnotation] ?? '', 'base64');
  if (signature.length === 0 || !verify('sha256', payload, publicKey.key, signature)) {
    throw new FairleadError('SignatureInvalid', 'it was not made with this key');
  }
  assertLegacyPayload(payload, descriptor);
}
