import { ASN1Obj, X509Certificate } from '@sigstore/core';
import { FairleadError } from '#lib/errors';
import { type CertificateIdentity, type Claim, claimOids } from '../signature/identity.ts';

/** Fulcio's extensions for the OIDC issuer: as DER, and in its first form as bare text. */
const issuerOids = { der: '1.3.6.1.4.1.57264.1.8', bare: '1.3.6.1.4.1.57264.1.1' } as const;

/** The purposes of a key (RFC 5280, 4.2.1.12). */
const extendedKeyUsage = '2.5.29.37';
const codeSigning = '1.3.6.1.5.5.7.3.3';
const subjectAltName = '2.5.29.17';
/** `rfc822Name` and `uniformResourceIdentifier`, the supported kinds of names. */
const nameTags = [1, 6];

/**
 * Returns the identity that a certificate (DER) is for. Throws SignatureInvalid if it is malformed,
 * or not for signing.
 */
export function identityOfCertificate(der: Uint8Array): CertificateIdentity {
  try {
    return readIdentity(X509Certificate.parse(Buffer.from(der)));
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    // The parser of certificates throws errors of many kinds, and some only when a field is read.
    throw new FairleadError('SignatureInvalid', 'its certificate is malformed', { cause });
  }
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
 * Returns the one name that an authority of Sigstore certifies, a URI or an e-mail address (RFC
 * 5280, 4.2.1.6); undefined if it is neither, or there are several. Both are ASCII: other
 * characters could be taken for another name by a reader that drops the upper bits.
 */
function subjectName(certificate: X509Certificate): string | undefined {
  const [name, ...more] = certificate.extension(subjectAltName)?.valueObj.subs[0]?.subs ?? [];
  if (name === undefined || more.length > 0 || !nameTags.some((tag) => name.tag.isContextSpecific(tag)))
    return undefined;
  const text = name.value.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** The text in the value of an extension (DER UTF8String). */
function utf8String(der: Buffer): string {
  return ASN1Obj.parseBuffer(Buffer.from(der)).value.toString('utf8');
}
