import { type Bundle, bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { preAuthEncoding } from './dsse.ts';
import type { PublicKey } from './key.ts';
import { verifyBytes } from './key-algorithm.ts';
import { assertLegacyPayload, legacySignatureAnnotation } from './legacy-payload.ts';
import { bundleMediaType, type Signature } from './signature.ts';
import { assertSignStatement } from './statement.ts';

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
  if (bundle.verificationMaterial.content.$case !== 'publicKey') {
    throw new FairleadError('SignatureInvalid', 'it was made with a certificate, not with a key');
  }
  const { payload, payloadType, signatures } = content.dsseEnvelope;
  const signature = signatures[0]?.sig ?? new Uint8Array();
  if (!verifyBytes(publicKey.key, preAuthEncoding(payloadType, payload), signature)) {
    throw new FairleadError('SignatureInvalid', 'it was not made with this key');
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
  if (!verifyBytes(publicKey.key, payload, signature)) {
    throw new FairleadError('SignatureInvalid', 'it was not made with this key');
  }
  assertLegacyPayload(payload, descriptor);
}
