import { type Bundle, bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { FairleadError } from '#lib/errors';
import { type DigestAlgorithm, digestOf, digestParts, parseDigest } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { verifyBytes } from '../../keys/key-algorithm.ts';
import { preAuthEncoding } from '../dsse.ts';
import { signPredicateType } from '../predicate-type.ts';
import { readBundleMediaTypes, type Signature } from '../signature.ts';
import { assertStatement, claimedPredicateType } from '../statement.ts';
import { type Message, type MessageHash, wholeMessage } from './message.ts';
import type { SignedContent } from './signed-content.ts';

type MessageSignature = Extract<Bundle['content'], { $case: 'messageSignature' }>['messageSignature'];
type Envelope = Extract<Bundle['content'], { $case: 'dsseEnvelope' }>['dsseEnvelope'];

/** Takes a Sigstore bundle apart. Throws SignatureInvalid for everything malformed. */
export function openBundle({ bundle, message }: Extract<Signature, { format: 'bundle' }>): SignedContent {
  return contentOf(readBundle(bundle), message && wholeMessage(message));
}

/**
 * Returns the content of a bundle that was read. `message` is what a message signature is over, and
 * is needed for one only. Throws SignatureInvalid.
 */
export function contentOf(bundle: Bundle, message: Message | undefined): SignedContent {
  return bundle.content.$case === 'dsseEnvelope'
    ? openEnvelope(bundle, bundle.content.dsseEnvelope)
    : openMessage(bundle, bundle.content.messageSignature, message);
}

/** Takes apart a bundle with a DSSE envelope around a statement. */
export function openEnvelope(bundle: Bundle, { payload, payloadType, signatures }: Envelope): SignedContent {
  const signature = signatures[0]?.sig ?? new Uint8Array();
  const signed = preAuthEncoding(payloadType, payload);
  return {
    signedDigest: () => digestOf(signed),
    isSignedWith: (key) => verifyBytes(key, signed, signature),
    signature,
    timestamped: signature,
    madeWith: madeWith(bundle),
    bundle: () => bundle,
    assertIsFor(descriptor) {
      assertStatement(payloadType, payload, { descriptor, predicateType: signPredicateType });
      return {};
    },
    claimedPredicateType: () => claimedPredicateType(payload),
    assertAttests: (descriptor, predicateType) => assertStatement(payloadType, payload, { descriptor, predicateType }),
  };
}

/** The hashes by their numbers in a bundle (sigstore_common.proto, HashAlgorithm). */
const messageHashes: Readonly<Record<number, MessageHash>> = { 1: 'sha256', 2: 'sha384', 3: 'sha512' };

/** Returns the hash that a message signature states of its message; undefined for a statement. */
export function messageHashOf({ content }: Bundle): MessageHash | undefined {
  if (content.$case === 'dsseEnvelope') return undefined;
  return messageHashes[content.messageSignature.messageDigest.algorithm];
}

/** A signature of the bytes of a manifest or file, as `cosign sign-blob` and others make them. */
function openMessage(
  bundle: Bundle,
  { messageDigest, signature }: MessageSignature,
  message: Message | undefined,
): SignedContent {
  if (message === undefined) {
    throw new FairleadError('SignatureInvalid', 'it signs the bytes of the manifest, which are too large or missing');
  }
  // Log entries are compared with the digest in the bundle: it has to be that of the bytes.
  const hash = messageHashes[messageDigest.algorithm];
  if (hash === undefined) {
    throw new FairleadError('SignatureInvalid', 'its message digest has an unsupported algorithm: want SHA-2');
  }
  if (!message.digest(hash).equals(messageDigest.digest)) {
    throw new FairleadError('SignatureInvalid', 'it was made for another artifact (its message digest differs)');
  }
  const hexOf = (algorithm: DigestAlgorithm): string => message.digest(algorithm).toString('hex');
  return {
    signedDigest: () => parseDigest(`sha256:${hexOf('sha256')}`),
    isSignedWith: (key) => message.isSignedWith(key, signature),
    signature,
    timestamped: signature,
    madeWith: madeWith(bundle),
    bundle: () => bundle,
    assertIsFor({ digest: expected }) {
      const { algorithm, hex } = digestParts(expected);
      if (hexOf(algorithm) === hex) return {};
      throw new FairleadError('SignatureInvalid', `it was made for another artifact (sha256:${hexOf('sha256')})`);
    },
    claimedPredicateType: () => signPredicateType,
    assertAttests: refuseAttestation,
  };
}

/** The `assertAttests` of what can only be a signature. */
export function refuseAttestation(): never {
  throw new FairleadError('SignatureInvalid', 'it is a signature, not an attestation');
}

function madeWith(bundle: Bundle): SignedContent['madeWith'] {
  return bundle.verificationMaterial.content.$case === 'publicKey' ? 'key' : 'certificate';
}

/**
 * Returns the certificate of a bundle (DER): the first, which is the one that its verification
 * checks. Throws SignatureInvalid if none exists.
 */
export function leafCertificate(bundle: Bundle): Buffer<ArrayBuffer> {
  const material = bundle.verificationMaterial.content;
  if (material.$case === 'publicKey') throw new FairleadError('SignatureInvalid', 'it has no certificate');
  const leaf = material.$case === 'certificate' ? material.certificate : material.x509CertificateChain.certificates[0];
  return Buffer.from(leaf?.rawBytes ?? []);
}

/**
 * Reads a bundle by the rules of its version: among much else, v0.1 requires the log's promise with
 * each entry, later versions a proof with its checkpoint, and v0.3 a single certificate. Throws
 * SignatureInvalid, however it is malformed.
 */
export function readBundle(bytes: Uint8Array): Bundle {
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    const fields = cause instanceof ValidationError ? `: ${cause.fields.join(', ')}` : '';
    throw new FairleadError('SignatureInvalid', `its bundle is malformed${fields}`, { cause });
  }
  if (!readBundleMediaTypes.includes(bundle.mediaType)) {
    const type = quote(bundle.mediaType, 160);
    throw new FairleadError('SignatureInvalid', `its bundle has media type ${type}: want a bundle of v0.1 to v0.3`);
  }
  // The library accepts every version without a log entry. Only v0.3 allows that: a key or a
  // timestamp can be enough.
  if (/version=0\.[12]$/.test(bundle.mediaType) && bundle.verificationMaterial.tlogEntries.length === 0) {
    throw new FairleadError('SignatureInvalid', 'its bundle has no log entry, which bundles before v0.3 require');
  }
  return bundle;
}
