import { bundleMediaType } from './signature.ts';
import { statementPayloadType } from './statement.ts';

/** A DSSE envelope with one signature, as JSON (DSSE v1, envelope.md). */
export interface DsseEnvelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly [{ readonly sig: string }];
}

/**
 * Puts a statement and its signature into an envelope. The envelope names no key (`keyid`): cosign
 * takes a signature with one for that of another key.
 */
export function envelopeOf(statement: Uint8Array, signature: Uint8Array): DsseEnvelope {
  return {
    payloadType: statementPayloadType,
    payload: Buffer.from(statement).toString('base64'),
    signatures: [{ sig: Buffer.from(signature).toString('base64') }],
  };
}

/** Entries in transparency logs, and timestamps (DER in base64). */
export interface Witnesses {
  readonly tlogEntries: readonly object[];
  readonly timestampVerificationData: { readonly rfc3161Timestamps: readonly { readonly signedTimestamp: string }[] };
}

/**
 * What verifies a signature: the hint of a key, or a certificate (DER in base64), and its
 * witnesses.
 */
export type VerificationMaterial = Partial<Witnesses> &
  ({ readonly publicKey: { readonly hint: string } } | { readonly certificate: { readonly rawBytes: string } });

/** A signature of bytes as they are, such as those of a file (sigstore_common.proto). */
export interface MessageSignature {
  /** SHA-256 of the bytes, in base64. */
  readonly messageDigest: { readonly algorithm: 'SHA2_256'; readonly digest: string };
  /** Base64. */
  readonly signature: string;
}

/** What a bundle contains: a signed statement, or the signature of a message. */
export type BundleContent =
  | { readonly dsseEnvelope: DsseEnvelope; readonly messageSignature?: undefined }
  | { readonly messageSignature: MessageSignature; readonly dsseEnvelope?: undefined };

/** Returns the bytes of a Sigstore bundle v0.3 (JSON). */
export function bundleBytes(content: BundleContent, verificationMaterial: VerificationMaterial): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ mediaType: bundleMediaType, verificationMaterial, ...content }));
}
