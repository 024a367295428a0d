import { createHash } from 'node:crypto';
import { type Bundle, bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { FairleadError } from '#lib/errors';
import { digestOf, digestParts } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { preAuthEncoding } from '../dsse.ts';
import { signPredicateType } from '../predicate-type.ts';
import { readBundleMediaTypes, type Signature } from '../signature.ts';
import { assertStatement, claimedPredicateType } from '../statement.ts';
import type { SignedContent } from './signed-content.ts';

type MessageSignature = Extract<Bundle['content'], { $case: 'messageSignature' }>['messageSignature'];
type Envelope = Extract<Bundle['content'], { $case: 'dsseEnvelope' }>['dsseEnvelope'];

/** Takes a Sigstore bundle apart. Throws SignatureInvalid for everything malformed. */
export function openBundle({ bundle: bytes, message }: Extract<Signature, { format: 'bundle' }>): SignedContent {
  const bundle = readBundle(bytes);
  return bundle.content.$case === 'dsseEnvelope'
    ? openEnvelope(bundle, bundle.content.dsseEnvelope)
    : openMessage(bundle, bundle.content.messageSignature, message);
}

/** Takes apart a bundle with a DSSE envelope around a statement. */
export function openEnvelope(bundle: Bundle, { payload, payloadType, signatures }: Envelope): SignedContent {
  const signature = signatures[0]?.sig ?? new Uint8Array();
  return {
    signed: preAuthEncoding(payloadType, payload),
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

/** The algorithm by its number in the bundle (sigstore_common.proto, HashAlgorithm). */
const sha256 = 1;

/** A signature of the bytes of the manifest, as `cosign sign-blob` and others make them. */
function openMessage(
  bundle: Bundle,
  { messageDigest, signature }: MessageSignature,
  message: Uint8Array | undefined,
): SignedContent {
  if (message === undefined) {
    throw new FairleadError('SignatureInvalid', 'it signs the bytes of the manifest, which are too large or missing');
  }
  // Log entries are compared with the digest in the bundle: it has to be that of the bytes.
  const digest = createHash('sha256').update(message).digest();
  if (messageDigest.algorithm !== sha256 || !digest.equals(messageDigest.digest)) {
    throw new FairleadError('SignatureInvalid', 'it was made for another artifact (its message digest differs)');
  }
  return {
    signed: message,
    signature,
    timestamped: signature,
    madeWith: madeWith(bundle),
    bundle: () => bundle,
    assertIsFor({ digest: expected }) {
      if (digestOf(message, digestParts(expected).algorithm) === expected) return {};
      throw new FairleadError('SignatureInvalid', `it was made for another artifact (${digestOf(message)})`);
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
 * Reads a bundle by the rules of its version: among much else, v0.1 requires the log's promise with
 * each entry, later versions a proof with its checkpoint, and v0.3 a single certificate. Throws
 * SignatureInvalid, however it is malformed.
 */
function readBundle(bytes: Uint8Array): Bundle {
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
