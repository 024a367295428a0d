import { createPublicKey, type KeyObject } from 'node:crypto';
import { ASN1Obj, X509Certificate } from '@sigstore/core';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { FairleadError } from '#lib/errors';
import { verifyBytes } from '../keys/key-algorithm.ts';
import { type CertificateIdentity, type Claim, claimOids } from '../signature/identity.ts';
import type { SignedContent } from '../signature/read/signed-content.ts';
import { assertEntryShows } from './log-entry-signer.ts';
import type { SigstoreRoot } from './trusted-root.ts';

/** A certificate needs the proof of its own log, and a time at which it was used. */
const withCertificate = { ctlogThreshold: 1, timestampThreshold: 1 };

/**
 * Log entries, and times: each is checked, and there is room for thousands in a bundle. Those of
 * good will have one or two.
 */
const mostWitnesses = 8;

const mediaTypes = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];

/**
 * Reads a Sigstore trusted root (JSON): the certificate authorities, logs and timestamp authorities
 * that keyless signatures are checked against, offline. Throws InvalidInput for another format, and
 * for a log without a start of validity: its key, unlike a certificate, has no dates of its own.
 */
export function readTrustedRoot(bytes: Uint8Array): SigstoreRoot {
  let root: TrustedRoot;
  let trust: TrustMaterial;
  try {
    root = TrustedRoot.fromJSON(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (!mediaTypes.includes(root.mediaType)) throw new Error(`its media type is ${JSON.stringify(root.mediaType)}`);
    const logs = [...root.tlogs, ...root.ctlogs];
    if (logs.some(({ publicKey }) => publicKey?.validFor?.start === undefined)) {
      throw new Error('a log in it has no start of validity');
    }
    trust = toTrustMaterial(root);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('InvalidInput', `not a Sigstore trusted root: ${reason}`, { cause });
  }
  const claimedIdentity = once(certificateIdentity);
  const verifiedEntries = {
    required: once((content) => verify(content, trust, { ...withCertificate, tlogThreshold: 1 }, false)),
    optional: once((content) => verify(content, trust, { ...withCertificate, tlogThreshold: 0 }, false)),
    off: once((content) => verify(content, trust, { ...withCertificate, tlogThreshold: 0 }, true)),
  };
  return {
    claimedIdentity,
    verifyCertificate: (content, log) => {
      const logIndexes = verifiedEntries[log](content);
      return { certificate: claimedIdentity(content), logIndexes };
    },
    verifyKey: (content, key, log) => {
      const withKey: TrustMaterial = { ...trust, publicKey: () => ({ publicKey: key, validFor: () => true }) };
      const options = { tlogThreshold: log === 'required' ? 1 : 0, ctlogThreshold: 0, timestampThreshold: 0 };
      return verify(content, withKey, options, false);
    },
  };
}

/**
 * Remembers what came of a signature, be it an error: a rule may have many requirements, and each
 * asks of each signature.
 */
function once<T>(make: (content: SignedContent) => T): (content: SignedContent) => T {
  const made = new WeakMap<SignedContent, { readonly value: T } | { readonly error: unknown }>();
  return (content) => {
    let outcome = made.get(content);
    if (outcome === undefined) {
      try {
        outcome = { value: make(content) };
      } catch (error) {
        outcome = { error };
      }
      made.set(content, outcome);
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  };
}

/**
 * Checks a signature and all that is said of its time; gives the indexes of its log entries. Throws
 * SignatureInvalid.
 */
function verify(
  content: SignedContent,
  trust: TrustMaterial,
  options: ConstructorParameters<typeof Verifier>[1],
  withoutLog: boolean,
): readonly string[] {
  try {
    const entity = toSignedEntity(content.bundle(), Buffer.from(content.signed));
    const { signature, timestamps, key } = entity;
    if (Math.max(entity.tlogEntries.length, timestamps.length) > mostWitnesses) {
      throw new Error(`it has more than ${mostWitnesses} log entries or timestamps`);
    }
    // The verifier does so at the end, after all that costs more.
    if (key.$case === 'certificate') assertSignedWith(key.certificate, content);
    const tlogEntries = withoutLog ? [] : entity.tlogEntries;
    const tlogs = trust.tlogs.filter(({ validFor: { start, end } }) =>
      timestamps.map(timeOf).every((time) => time === undefined || (start <= time && time <= end)),
    );
    new Verifier({ ...trust, tlogs }, options).verify({
      ...entity,
      tlogEntries,
      timestamps: withoutLog ? timestamps.filter(({ $case }) => $case === 'timestamp-authority') : timestamps,
      signature: {
        // The verifier looks at this one only as the content of a timestamp.
        signature: Buffer.from(content.timestamped),
        compareSignature: (other) => signature.compareSignature(other),
        compareDigest: (digest) => signature.compareDigest(digest),
        compareSignedDigest: (digest) => signature.compareSignedDigest(digest),
        // The verifier knows SHA-256 only; keys on larger curves sign with larger hashes too.
        verifySignature: (key: KeyObject) => verifyBytes(key, content.signed, content.signature),
      },
    });
    const signer =
      key.$case === 'certificate'
        ? leafBytes(content)
        : trust.publicKey(key.hint).publicKey.export({ type: 'spki', format: 'der' });
    for (const { canonicalizedBody } of tlogEntries) assertEntryShows(canonicalizedBody, signer);
    return tlogEntries.map(({ logIndex }) => logIndex);
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    // The verifier throws errors of many kinds at what is malformed; none of them may pass for
    // anything but a refusal.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('SignatureInvalid', `it does not verify: ${reason}`, { cause });
  }
}

function assertSignedWith({ publicKey }: X509Certificate, { signed, signature }: SignedContent): void {
  const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
  if (!verifyBytes(key, signed, signature)) throw new Error('it was not made with the key that its certificate is for');
}

/**
 * The time that is said of a signature, where the verifier counts it: an entry without a promise
 * has none that the log signed. A log is good only while its time lasts, which the verifier
 * compares with promises alone.
 */
function timeOf(timestamp: ReturnType<typeof toSignedEntity>['timestamps'][number]): Date | undefined {
  if (timestamp.$case === 'timestamp-authority') return timestamp.timestamp.signingTime;
  const { inclusionPromise, integratedTime } = timestamp.tlogEntry;
  return inclusionPromise === undefined ? undefined : new Date(Number(integratedTime) * 1000);
}

/** Fulcio's extensions for the OIDC issuer: as DER, and in its first form as bare text. */
const issuerOids = { der: '1.3.6.1.4.1.57264.1.8', bare: '1.3.6.1.4.1.57264.1.1' } as const;

/** What a key may be used for (RFC 5280, 4.2.1.12). */
const extendedKeyUsage = '2.5.29.37';
const codeSigning = '1.3.6.1.5.5.7.3.3';
const subjectAltName = '2.5.29.17';
/** `rfc822Name` and `uniformResourceIdentifier`, the kinds of names that are known. */
const nameTags = [1, 6];

/**
 * Whom the certificate in a bundle names; the verifier checks this very certificate. Throws
 * SignatureInvalid.
 */
function certificateIdentity(content: SignedContent): CertificateIdentity {
  return identityOfCertificate(leafBytes(content));
}

/**
 * Whom a certificate (DER) names. Throws SignatureInvalid where it is malformed or not for signing.
 */
export function identityOfCertificate(der: Uint8Array): CertificateIdentity {
  try {
    return readIdentity(X509Certificate.parse(Buffer.from(der)));
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    // The reader of certificates throws errors of many kinds, and some only when a field is looked
    // at.
    throw new FairleadError('SignatureInvalid', 'its certificate is malformed', { cause });
  }
}

function leafBytes(content: SignedContent): Buffer<ArrayBuffer> {
  const material = content.bundle().verificationMaterial.content;
  if (material.$case === 'publicKey') throw new FairleadError('SignatureInvalid', 'it has no certificate');
  const leaf = material.$case === 'certificate' ? material.certificate : material.x509CertificateChain.certificates[0];
  return Buffer.from(leaf?.rawBytes ?? []);
}

function readIdentity(certificate: X509Certificate): CertificateIdentity {
  // An authority may certify other things too, such as servers: their keys sign no artifacts.
  const uses = certificate.extension(extendedKeyUsage)?.valueObj.subs[0]?.subs ?? [];
  if (!uses.some((use) => use.toOID() === codeSigning)) {
    throw new FairleadError('SignatureInvalid', 'its certificate is not for signing code');
  }
  const issued = certificate.extension(issuerOids.der);
  const issuer = issued ? utf8String(issued.value) : certificate.extension(issuerOids.bare)?.value.toString('utf8');
  const identity = subjectName(certificate);
  if (!issuer || !identity) {
    throw new FairleadError('SignatureInvalid', 'its certificate names no identity or no issuer');
  }
  const claims: Partial<Record<Claim, string>> = {};
  for (const [claim, oid] of Object.entries(claimOids) as [Claim, string][]) {
    const found = certificate.extension(oid);
    if (found !== undefined) claims[claim] = utf8String(found.value);
  }
  return { issuer, identity, claims };
}

/**
 * The one name that an authority of Sigstore certifies, a URI or an e-mail address (RFC 5280,
 * 4.2.1.6); undefined if it names none or several. Both are ASCII: what is not could be
 * taken for another name by whoever drops the bits that do not belong there.
 */
function subjectName(certificate: X509Certificate): string | undefined {
  const [name, ...more] = certificate.extension(subjectAltName)?.valueObj.subs[0]?.subs ?? [];
  if (name === undefined || more.length > 0 || !nameTags.some((tag) => name.tag.isContextSpecific(tag)))
    return undefined;
  const text = name.value.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** The text in an extension's value (DER UTF8String). */
function utf8String(der: Buffer): string {
  return ASN1Obj.parseBuffer(Buffer.from(der)).value.toString('utf8');
}
