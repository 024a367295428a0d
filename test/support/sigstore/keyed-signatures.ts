import assert from 'node:assert/strict';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import type { PrivateKey } from '#lib/trust/keys/key';
import type { Rule } from '#lib/trust/policy/policy';
import { preAuthEncoding } from '#lib/trust/signature/dsse';
import { legacySignatureAnnotation } from '#lib/trust/signature/legacy/legacy-payload';
import { bundleMediaType, type Signature } from '#lib/trust/signature/signature';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';

export const reference = parseReference('registry.example.com/security/nginx:v1');
export const artifact = descriptorOf('artifact');
export const other = descriptorOf('another artifact');

/** Returns the descriptor of a manifest with this content. */
export function descriptorOf(content: string): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
}

/** Returns a rule that requires a signature by each of these keys, by name. */
export function ruleOf(...keys: (readonly [string, { readonly key: PrivateKey }])[]): Rule {
  return {
    match: 'registry.example.com/security/**',
    unsigned: false,
    require: keys.map(([name, { key }]) => ({ anyOf: [{ key: name, publicKey: key.publicKey }] })),
  };
}

/** Returns a bundle as it is found beside an artifact; an object is written as JSON. */
export function bundleSignature(bundle: Uint8Array | object): Signature {
  const bytes = bundle instanceof Uint8Array ? bundle : Buffer.from(JSON.stringify(bundle));
  return { format: 'bundle', manifest: digestOf(bytes), bundle: bytes };
}

/** Returns a bundle with any statement, with a valid signature. */
export async function signedBundle(
  by: { readonly key: PrivateKey },
  statement: unknown,
  { payloadType = 'application/vnd.in-toto+json', copies = 1, mediaType = bundleMediaType } = {},
): Promise<Signature> {
  const payload = Buffer.from(typeof statement === 'string' ? statement : JSON.stringify(statement));
  const sig = Buffer.from(await by.key.signBytes(preAuthEncoding(payloadType, payload))).toString('base64');
  return bundleSignature({
    mediaType,
    verificationMaterial: { publicKey: { hint: 'any' }, tlogEntries: [] },
    dsseEnvelope: {
      payloadType,
      payload: payload.toString('base64'),
      signatures: Array.from({ length: copies }, () => ({ sig, keyid: '' })),
    },
  });
}

/** Returns the statement in a signature of an artifact, with changes. */
export function statementFor(descriptor: Descriptor, changes: object = {}): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: descriptor.digest.slice('sha256:'.length) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
    ...changes,
  };
}

/** Returns a signature in cosign's legacy format with any payload, validly signed. */
export async function legacySignature(by: { readonly key: PrivateKey }, payload: unknown): Promise<Signature> {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const signature = Buffer.from(await by.key.signBytes(bytes)).toString('base64');
  return {
    format: 'legacy',
    manifest: digestOf(bytes),
    payload: bytes,
    annotations: { [legacySignatureAnnotation]: signature },
  };
}

/** Returns the payload of cosign's legacy format for an artifact. */
export function legacyPayload(descriptor: Descriptor): { critical: Record<string, unknown>; optional: null } {
  return {
    critical: {
      identity: { 'docker-reference': 'registry.example.com/security/nginx' },
      image: { 'docker-manifest-digest': descriptor.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  };
}

/**
 * Verifies that a rule accepts none of the signatures, with SignatureInvalid and a message that
 * names the artifact.
 */
export function refuses(signatures: readonly Signature[], rule: Rule, message: RegExp, descriptor = artifact): void {
  assert.throws(
    () => verifySignatures(descriptor, reference, signatures, rule),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'SignatureInvalid');
      assert.match(error.message, message);
      assert.ok(error.message.includes(`registry.example.com/security/nginx@${descriptor.digest}`), error.message);
      return true;
    },
  );
}
