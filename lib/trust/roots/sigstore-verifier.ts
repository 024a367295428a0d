import { createPublicKey, type KeyObject } from 'node:crypto';
import { type SignedEntity, type TrustMaterial, toSignedEntity, Verifier } from '@sigstore/verify';
import { FairleadError } from '#lib/errors';
import type { CertificateIdentity } from '../signature/identity.ts';
import { leafCertificate } from '../signature/read/bundle-content.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import { identityOfCertificate } from './certificate-identity.ts';
import { assertEntryShows } from './log-entry-signer.ts';
import { oncePerSignature } from './once-per-signature.ts';
import type { LogUse, SigstoreRoot, Witnessed } from './trusted-root.ts';

/**
 * The most log entries, and the most timestamps, of a signature. Each is verified, and a bundle has
 * room for thousands; signers write one or two.
 */
const maxWitnesses = 8;

/** A certificate requires the proof of its own log, and a time at which it was used. */
const withCertificate = { ctlogThreshold: 1, timestampThreshold: 1 };

/** Verifies signatures with the authorities and logs of one trusted root. */
export class SigstoreVerifier implements SigstoreRoot {
  readonly #trust: TrustMaterial;
  readonly #identityOf = oncePerSignature((content) => identityOfCertificate(leafCertificate(content.bundle())));
  /** Verifies a signature with a certificate; returns what its witnesses state. */
  readonly #verified: Readonly<Record<LogUse, (content: SignedContent) => Witnessed>>;

  constructor(trust: TrustMaterial) {
    this.#trust = trust;
    const optional = { ...withCertificate, tlogThreshold: 0 };
    const required = { ...withCertificate, tlogThreshold: 1 };
    this.#verified = {
      required: oncePerSignature((content) => verifyWitnessed(content, trust, required)),
      optional: oncePerSignature((content) => verifyWitnessed(content, trust, optional)),
      off: oncePerSignature((content) => verifyWitnessed(content, trust, { ...optional, ignoreLog: true })),
    };
  }

  claimedIdentity(content: SignedContent): CertificateIdentity {
    return this.#identityOf(content);
  }

  verifyCertificate(content: SignedContent, use: LogUse) {
    const witnessed = this.#verified[use](content);
    return { certificate: this.#identityOf(content), ...witnessed };
  }

  verifyKey(content: SignedContent, key: KeyObject, use: LogUse): Witnessed {
    const trust: TrustMaterial = { ...this.#trust, publicKey: () => ({ publicKey: key, validFor: () => true }) };
    const tlogThreshold = use === 'required' ? 1 : 0;
    return verifyWitnessed(content, trust, { tlogThreshold, ctlogThreshold: 0, timestampThreshold: 0 });
  }
}

interface VerifyOptions {
  readonly tlogThreshold: number;
  readonly ctlogThreshold: number;
  readonly timestampThreshold: number;
  /** Ignores the entries in transparency logs, and the times in them. */
  readonly ignoreLog?: boolean;
}

/**
 * Verifies a signature, and the witnesses of its time. Returns what they state. Throws
 * SignatureInvalid.
 */
function verifyWitnessed(
  content: SignedContent,
  trust: TrustMaterial,
  { ignoreLog = false, ...thresholds }: VerifyOptions,
): Witnessed {
  try {
    // The bytes of a message are not needed: the content compares and verifies them.
    const entity = toSignedEntity(content.bundle());
    assertFewWitnesses(entity);
    assertSignedWithCertificate(entity, content);
    const tlogEntries = ignoreLog ? [] : entity.tlogEntries;
    const timestamps = ignoreLog
      ? entity.timestamps.filter(({ $case }) => $case === 'timestamp-authority')
      : entity.timestamps;
    const tlogs = logsAtTimesOf(entity, trust);
    const signature = signatureOf(entity, content);
    new Verifier({ ...trust, tlogs }, thresholds).verify({ ...entity, tlogEntries, timestamps, signature });
    const signer = signerOf(entity, content, trust);
    for (const { canonicalizedBody } of tlogEntries) assertEntryShows(canonicalizedBody, signer);
    return { logIndexes: tlogEntries.map(({ logIndex }) => logIndex), ...earliestOf(timestamps.map(timeOf)) };
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    // The verifier throws errors of many kinds at what is malformed; each of them is a refusal.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('SignatureInvalid', `it does not verify: ${reason}`, { cause });
  }
}

function earliestOf(times: readonly (Date | undefined)[]): { signedAt?: string } {
  const known = times.flatMap((time) => (time === undefined ? [] : [time.getTime()]));
  return known.length === 0 ? {} : { signedAt: new Date(Math.min(...known)).toISOString() };
}

function assertFewWitnesses({ tlogEntries, timestamps }: SignedEntity): void {
  if (Math.max(tlogEntries.length, timestamps.length) <= maxWitnesses) return;
  throw new Error(`it has more than ${maxWitnesses} log entries or timestamps`);
}

/** The verifier checks the same, but only after everything that costs more. */
function assertSignedWithCertificate({ key }: SignedEntity, content: SignedContent): void {
  if (key.$case !== 'certificate') return;
  const publicKey = createPublicKey({ key: key.certificate.publicKey, format: 'der', type: 'spki' });
  if (!content.isSignedWith(publicKey)) throw new Error('it was not made with the key of its certificate');
}

/**
 * Returns the logs that were valid at all the times that witnesses give a signature; the verifier
 * compares the validity of a log with its promises alone.
 */
function logsAtTimesOf({ timestamps }: SignedEntity, { tlogs }: TrustMaterial): TrustMaterial['tlogs'] {
  const times = timestamps.map(timeOf);
  return tlogs.filter(({ validFor: { start, end } }) =>
    times.every((time) => time === undefined || (start <= time && time <= end)),
  );
}

/**
 * Returns the time that a witness gives a signature, if the verifier counts it: a log entry without
 * a promise has no time that the log signed.
 */
function timeOf(timestamp: SignedEntity['timestamps'][number]): Date | undefined {
  if (timestamp.$case === 'timestamp-authority') return timestamp.timestamp.signingTime;
  const { inclusionPromise, integratedTime } = timestamp.tlogEntry;
  return inclusionPromise === undefined ? undefined : new Date(Number(integratedTime) * 1000);
}

function signatureOf({ signature }: SignedEntity, content: SignedContent): SignedEntity['signature'] {
  return {
    // The verifier uses this one only as the content of a timestamp.
    signature: Buffer.from(content.timestamped),
    compareSignature: (other) => signature.compareSignature(other),
    compareDigest: (digest) => signature.compareDigest(digest),
    compareSignedDigest: (digest) => signature.compareSignedDigest(digest),
    // The verifier knows only SHA-256; keys on larger curves sign with larger hashes too.
    verifySignature: (key: KeyObject) => content.isSignedWith(key),
  };
}

/** Returns the certificate or key (DER) that a signature was verified with. */
function signerOf({ key }: SignedEntity, content: SignedContent, trust: TrustMaterial): Uint8Array {
  if (key.$case === 'certificate') return leafCertificate(content.bundle());
  return trust.publicKey(key.hint).publicKey.export({ type: 'spki', format: 'der' });
}
