import { createHash } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestOf, digestParts } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { preAuthEncoding } from '../dsse.ts';
import { envelopeContent, legacyBundle, messageSignature } from '../legacy/legacy-bundle.ts';
import { assertLegacyPayload, legacySignatureAnnotation } from '../legacy/legacy-payload.ts';
import { signPredicateType } from '../predicate-type.ts';
import { readBundleMediaTypes, type Signature } from '../signature.ts';
import { sigstoreBundle } from '../sigstore-bundle.ts';
import { assertStatement, claimedPredicateType } from '../statement.ts';

/** A signature of either form, taken apart; nothing of it is verified yet. */
export interface SignedContent {
  /** The bytes that were signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
  /**
   * What timestamp authorities attest the time of: the signature, or in legacy attestations the
   * whole envelope.
   */
  readonly timestamped: Uint8Array;
  /** What the signature was made with, as it says itself. */
  readonly madeWith: 'key' | 'certificate';
  /** The bundle, for those who check certificates and logs; the legacy form is turned into one. */
  bundle(): Bundle;
  /**
   * Throws SignatureInvalid unless what was signed is that very artifact. Gives what the signer
   * called it where he said so: a reference in the legacy form, nothing in a bundle.
   */
  assertIsFor(descriptor: Descriptor): { readonly dockerReference?: string };
  /**
   * What it states about the artifact, as it says itself; undefined where what was signed is
   * malformed.
   */
  claimedPredicateType(): string | undefined;
  /**
   * Gives the predicate. Throws SignatureInvalid unless what was signed is a statement of this type
   * about that very artifact.
   */
  assertAttests(descriptor: Descriptor, predicateType: string): unknown;
}

type MessageSignature = Extract<Bundle['content'], { $case: 'messageSignature' }>['messageSignature'];
type Envelope = Extract<Bundle['content'], { $case: 'dsseEnvelope' }>['dsseEnvelope'];

/**
 * Takes a signature apart. Throws SignatureInvalid for everything malformed, whatever the bytes
 * are.
 */
export function openSignature(signature: Signature): SignedContent {
  switch (signature.format) {
    case 'bundle':
      return openBundle(signature);
    case 'legacy':
      return openLegacy(signature);
    case 'legacy-attestation':
      return openLegacyAttestation(signature);
  }
}

function openBundle({ bundle: bytes, message }: Extract<Signature, { format: 'bundle' }>): SignedContent {
  const bundle = readBundle(bytes);
  return bundle.content.$case === 'dsseEnvelope'
    ? openEnvelope(bundle, bundle.content.dsseEnvelope)
    : openMessage(bundle, bundle.content.messageSignature, message);
}

/** The algorithm by its number in the bundle (sigstore_common.proto, HashAlgorithm). */
const sha256 = 1;

/** A signature of the manifest's bytes themselves, as `cosign sign-blob` and others make them. */
function openMessage(
  bundle: Bundle,
  { messageDigest, signature }: MessageSignature,
  message: Uint8Array | undefined,
): SignedContent {
  if (message === undefined) {
    throw new FairleadError('SignatureInvalid', "it signs the manifest's bytes, which are too large or not there");
  }
  // Log entries are compared with the digest that the bundle gives: it has to be that of the bytes.
  const digest = createHash('sha256').update(message).digest();
  if (messageDigest.algorithm !== sha256 || !digest.equals(messageDigest.digest)) {
    throw new FairleadError('SignatureInvalid', 'it was made for another artifact (its message digest is another)');
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
    assertAttests() {
      throw new FairleadError('SignatureInvalid', 'it is a signature, which states nothing else');
    },
  };
}

function madeWith(bundle: Bundle): SignedContent['madeWith'] {
  return bundle.verificationMaterial.content.$case === 'publicKey' ? 'key' : 'certificate';
}

function openEnvelope(bundle: Bundle, { payload, payloadType, signatures }: Envelope): SignedContent {
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

/**
 * Reads a bundle by the rules of its version: among much else, v0.1 wants the log's promise with
 * each entry, later ones a proof with its checkpoint, and v0.3 a single certificate. Every way in
 * which it can be malformed is SignatureInvalid.
 */
function readBundle(bytes: Uint8Array): Bundle {
  const { bundleFromJSON, ValidationError } = sigstoreBundle();
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch (cause) {
    const fields = cause instanceof ValidationError ? `: ${cause.fields.join(', ')}` : '';
    throw new FairleadError('SignatureInvalid', `its bundle is malformed${fields}`, { cause });
  }
  if (!readBundleMediaTypes.includes(bundle.mediaType)) {
    const version = quote(bundle.mediaType, 160);
    throw new FairleadError('SignatureInvalid', `its bundle is ${version}, which is not read (v0.1 to v0.3 are)`);
  }
  // The library accepts any version without a log entry. Only v0.3 allows that: a key or a
  // timestamp may suffice.
  if (/version=0\.[12]$/.test(bundle.mediaType) && bundle.verificationMaterial.tlogEntries.length === 0) {
    throw new FairleadError('SignatureInvalid', 'its bundle has no log entry, which bundles before v0.3 require');
  }
  return bundle;
}

function openLegacy({ payload, annotations }: Extract<Signature, { format: 'legacy' }>): SignedContent {
  const signature = Buffer.from(annotations[legacySignatureAnnotation] ?? '', 'base64');
  return {
    signed: payload,
    signature,
    timestamped: signature,
    madeWith: annotations['dev.sigstore.cosign/certificate'] === undefined ? 'key' : 'certificate',
    bundle: () => legacyBundle(messageSignature(payload, signature), annotations),
    assertIsFor: (descriptor) => assertLegacyPayload(payload, descriptor),
    claimedPredicateType: () => signPredicateType,
    assertAttests() {
      throw new FairleadError('SignatureInvalid', 'it is a signature, which states nothing else');
    },
  };
}

function openLegacyAttestation({
  envelope,
  annotations,
}: Extract<Signature, { format: 'legacy-attestation' }>): SignedContent {
  const bundle = legacyBundle(envelopeContent(envelope), annotations);
  if (bundle.content.$case !== 'dsseEnvelope') {
    throw new FairleadError('SignatureInvalid', 'its layer holds no DSSE envelope');
  }
  return {
    ...openEnvelope(bundle, bundle.content.dsseEnvelope),
    timestamped: envelope,
    // cosign 2 looks for signatures under another tag: what is attested here is never one.
    assertIsFor() {
      throw new FairleadError('SignatureInvalid', 'it is an attestation, which is no signature');
    },
  };
}
