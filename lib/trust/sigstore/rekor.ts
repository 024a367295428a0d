import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { AskService } from '../../network/service-client.ts';
import { preAuthEncoding } from '../signature/dsse.ts';
import type { BundleContent } from '../signature/write-bundle.ts';
import { readAnswer } from './service-answer.ts';

/** A signature to enter in a log. */
export interface LoggedSignature {
  readonly content: BundleContent;
  /** The certificate or public key that verifies it. */
  readonly verifier: X509Certificate | KeyObject;
}

const json = { 'content-type': 'application/json', accept: 'application/json' };
const hex = v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2})+$/));
const count = v.pipe(v.number(), v.safeInteger());
const entrySchema = v.object({
  body: v.pipe(v.string(), v.base64()),
  integratedTime: count,
  logIndex: count,
  logID: hex,
  verification: v.object({
    signedEntryTimestamp: v.pipe(v.string(), v.base64()),
    inclusionProof: v.object({
      logIndex: count,
      rootHash: hex,
      treeSize: count,
      hashes: v.array(hex),
      checkpoint: v.string(),
    }),
  }),
});
const entriesSchema = v.pipe(v.record(v.string(), entrySchema), v.minEntries(1), v.maxEntries(1));
const bodySchema = v.object({ kind: v.string(), apiVersion: v.string() });
const entryV2Schema = v.looseObject({
  logId: v.object({ keyId: v.string() }),
  kindVersion: v.object({ kind: v.string(), version: v.string() }),
  canonicalizedBody: v.string(),
});

/**
 * Enters a signature in a log of Rekor v1, as a dsse or hashedrekord entry. Returns the entry as it
 * is in a bundle. Throws Unavailable for an invalid answer of the log.
 */
export async function enterInRekorV1(
  ask: AskService,
  url: string,
  { content, verifier }: LoggedSignature,
): Promise<object> {
  const entries = `${url}/api/v1/log/entries`;
  const pem =
    verifier instanceof X509Certificate
      ? verifier.toString()
      : verifier.export({ type: 'spki', format: 'pem' }).toString();
  const proposed = proposedV1(content, Buffer.from(pem).toString('base64'));
  const first = await ask({ method: 'POST', url: entries, headers: json, body: JSON.stringify(proposed) });
  // The entry exists, for example from a request whose answer was lost.
  const there = first.status === 409 && first.location !== undefined ? new URL(first.location, entries) : undefined;
  const answer =
    there?.origin === new URL(entries).origin ? await ask({ method: 'GET', url: there.href, headers: json }) : first;
  const [entry] = Object.values(readAnswer(url, answer, entriesSchema));
  if (entry === undefined) throw new FairleadError('Internal', 'an answer with one entry has none');
  const { kind, apiVersion } = readAnswer(url, { status: 200, body: Buffer.from(entry.body, 'base64') }, bodySchema);
  const { inclusionProof: proof, signedEntryTimestamp } = entry.verification;
  const base64 = (text: string): string => Buffer.from(text, 'hex').toString('base64');
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: base64(entry.logID) },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(entry.integratedTime),
    inclusionPromise: { signedEntryTimestamp },
    inclusionProof: {
      logIndex: String(proof.logIndex),
      rootHash: base64(proof.rootHash),
      treeSize: String(proof.treeSize),
      hashes: proof.hashes.map(base64),
      checkpoint: { envelope: proof.checkpoint },
    },
    canonicalizedBody: entry.body,
  };
}

/** Returns the entry that Rekor v1 is asked for. The verifier is PEM, in base64. */
function proposedV1({ dsseEnvelope, messageSignature }: BundleContent, verifier: string): object {
  if (messageSignature === undefined) {
    const proposedContent = { envelope: JSON.stringify(dsseEnvelope), verifiers: [verifier] };
    return { apiVersion: '0.0.1', kind: 'dsse', spec: { proposedContent } };
  }
  const value = Buffer.from(messageSignature.messageDigest.digest, 'base64').toString('hex');
  const signature = { content: messageSignature.signature, publicKey: { content: verifier } };
  const spec = { data: { hash: { algorithm: 'sha256', value } }, signature };
  return { apiVersion: '0.0.1', kind: 'hashedrekord', spec };
}

/** Returns the hash of the signed bytes, and the signature, in base64. */
function hashedV2({ dsseEnvelope, messageSignature }: BundleContent): { digest: string; signature: string } {
  if (messageSignature !== undefined) {
    return { digest: messageSignature.messageDigest.digest, signature: messageSignature.signature };
  }
  const { payloadType, payload, signatures } = dsseEnvelope;
  const signed = preAuthEncoding(payloadType, Buffer.from(payload, 'base64'));
  return { digest: createHash('sha256').update(signed).digest('base64'), signature: signatures[0].sig };
}

/**
 * Enters a signature in a log of Rekor v2, as cosign 3 writes and verifies it: a hashedrekord over
 * the hash of the signed bytes. Returns the entry as it is in a bundle. Throws as enterInRekorV1,
 * and InvalidInput for a kind of key that such an entry does not support.
 */
export async function enterInRekorV2(
  ask: AskService,
  url: string,
  { content, verifier }: LoggedSignature,
): Promise<object> {
  const { digest, signature } = hashedV2(content);
  const request = {
    hashedRekordRequestV002: { digest, signature: { content: signature, verifier: verifierV2(verifier) } },
  };
  const entries = `${url}/api/v2/log/entries`;
  const answer = await ask({ method: 'POST', url: entries, headers: json, body: JSON.stringify(request) });
  return readAnswer(url, answer, entryV2Schema);
}

/** Returns the verifier of an entry. Certificates are always for P-256 keys, generated here. */
function verifierV2(verifier: X509Certificate | KeyObject): object {
  if (verifier instanceof X509Certificate) {
    const rawBytes = verifier.raw.toString('base64');
    return { x509Certificate: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
  }
  const rawBytes = verifier.export({ type: 'spki', format: 'der' }).toString('base64');
  return { publicKey: { rawBytes }, keyDetails: keyDetails(verifier) };
}

/** Returns the kind of key and hash by its name in sigstore_common.proto (PublicKeyDetails). */
function keyDetails({ asymmetricKeyType, asymmetricKeyDetails = {} }: KeyObject): string {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails;
  if (asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'PKIX_ECDSA_P256_SHA_256';
  if (asymmetricKeyType === 'rsa' && [2048, 3072, 4096].includes(modulusLength)) {
    return `PKIX_RSA_PKCS1V15_${modulusLength}_SHA256`;
  }
  throw new FairleadError(
    'InvalidInput',
    'unsupported kind of key for a log of Rekor v2: want P-256, or RSA of 2048, 3072 or 4096 bits',
    {
      hint: 'Sign with another key, or use a signing config with a log of Rekor v1.',
    },
  );
}
