import { createHash, X509Certificate } from 'node:crypto';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';

const base64 = v.pipe(v.string(), v.base64());

/**
 * The content of `dev.sigstore.cosign/bundle` as cosign 2 writes it: the log entry with the log's
 * promise to include it.
 */
const logEntrySchema = v.object({
  SignedEntryTimestamp: base64,
  Payload: v.object({
    body: base64,
    integratedTime: v.pipe(v.number(), v.safeInteger()),
    logIndex: v.pipe(v.number(), v.safeInteger()),
    logID: v.pipe(v.string(), v.hexadecimal()),
  }),
});
const entryBodySchema = v.object({ kind: v.string(), apiVersion: v.string() });
const timestampSchema = v.object({ SignedRFC3161Timestamp: base64 });

/** Returns the content of a bundle for a payload and its signature. */
export function messageSignature(payload: Uint8Array, signature: Buffer): object {
  const digest = createHash('sha256').update(payload).digest('base64');
  return {
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature: signature.toString('base64') },
  };
}

/**
 * Returns the content of a bundle for a DSSE envelope. Throws SignatureInvalid if it is not JSON.
 */
export function envelopeContent(envelope: Uint8Array): object {
  try {
    return { dsseEnvelope: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(envelope)) };
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', 'its envelope is not JSON', { cause });
  }
}

/**
 * Converts a signature or attestation in the legacy format into a Sigstore bundle v0.1, so that one
 * verifier serves all formats. A chain in the annotations is ignored: intermediates come only from
 * the trusted root. Throws SignatureInvalid if an annotation or the content is malformed.
 */
export function legacyBundle(content: object, annotations: Readonly<Record<string, string>>): Bundle {
  const certificate = annotations['dev.sigstore.cosign/certificate'];
  const entry = readAnnotation(annotations, 'dev.sigstore.cosign/bundle', logEntrySchema);
  const timestamp = readAnnotation(annotations, 'dev.sigstore.cosign/rfc3161timestamp', timestampSchema);
  try {
    return bundleFromJSON({
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
      verificationMaterial: {
        ...(certificate === undefined
          ? { publicKey: { hint: '' } }
          : {
              x509CertificateChain: {
                certificates: [{ rawBytes: new X509Certificate(certificate).raw.toString('base64') }],
              },
            }),
        tlogEntries: entry === undefined ? [] : [tlogEntry(entry)],
        timestampVerificationData: {
          rfc3161Timestamps: timestamp === undefined ? [] : [{ signedTimestamp: timestamp.SignedRFC3161Timestamp }],
        },
      },
      ...content,
    });
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', 'its envelope, certificate or log entry is malformed', { cause });
  }
}

function tlogEntry({ SignedEntryTimestamp, Payload }: v.InferOutput<typeof logEntrySchema>): object {
  const { kind, apiVersion } = v.parse(
    entryBodySchema,
    JSON.parse(Buffer.from(Payload.body, 'base64').toString('utf8')),
  );
  return {
    logIndex: String(Payload.logIndex),
    logId: { keyId: Buffer.from(Payload.logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: SignedEntryTimestamp },
    canonicalizedBody: Payload.body,
  };
}

function readAnnotation<T>(
  annotations: Readonly<Record<string, string>>,
  name: string,
  schema: v.GenericSchema<unknown, T>,
): T | undefined {
  const text = annotations[name];
  if (text === undefined) return undefined;
  try {
    return v.parse(schema, JSON.parse(text));
  } catch (cause) {
    throw new FairleadError('SignatureInvalid', `its annotation ${name} is malformed`, { cause });
  }
}
