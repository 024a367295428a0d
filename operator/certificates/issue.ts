import { createPublicKey, generateKeyPairSync, hash, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_serverAuth,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import type { KeyPair } from './material.ts';

/** From when to when a certificate is valid. */
export interface Lifetime {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ecdsaWithSha256 = '1.2.840.10045.4.3.2';
const commonName = '2.5.4.3';

/** Makes a certificate authority that signs serving certificates only. */
export function issueAuthority(lifetime: Lifetime): KeyPair {
  const serial = serialNumber();
  const keys = generateKeys();
  // Its name is unique, so that a verifier chooses the right one of several in a bundle.
  const name = nameOf(`fairlead-operator-ca-${serial.toString('hex')}`);
  return issue({
    ...{ serial, lifetime, keys, subject: name, issuer: name, issuerKey: keys.privateKey },
    extensions: [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: true, pathLenConstraint: 0 }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.keyCertSign), true),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(keyIdentifier(keys.publicKey))),
    ],
  });
}

/** Makes a certificate for servers with these DNS names or IP addresses. */
export function issueServing(authority: KeyPair, names: readonly string[], lifetime: Lifetime): KeyPair {
  const signer = AsnConvert.parse(new X509Certificate(authority.certificate).raw, Certificate);
  const signingKey = createPublicKey(authority.key).export({ type: 'spki', format: 'der' });
  const alternatives = names.map((name) => new GeneralName(isIP(name) ? { iPAddress: name } : { dNSName: name }));
  return issue({
    ...{ serial: serialNumber(), lifetime, keys: generateKeys(), issuerKey: authority.key },
    subject: nameOf('fairlead-operator'),
    issuer: signer.tbsCertificate.subject,
    extensions: [
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_serverAuth])),
      extension(id_ce_subjectAltName, new SubjectAlternativeName(alternatives)),
      extension(
        id_ce_authorityKeyIdentifier,
        new AuthorityKeyIdentifier({ keyIdentifier: new SubjectKeyIdentifier(keyIdentifier(signingKey)) }),
      ),
    ],
  });
}

interface Keys {
  readonly publicKey: Buffer;
  readonly privateKey: string;
}

interface Issue {
  readonly serial: Buffer;
  readonly lifetime: Lifetime;
  readonly keys: Keys;
  readonly subject: Name;
  readonly issuer: Name;
  readonly issuerKey: string;
  readonly extensions: Extension[];
}

function issue({ serial, lifetime, keys, subject, issuer, issuerKey, extensions }: Issue): KeyPair {
  const algorithm = new AlgorithmIdentifier({ algorithm: ecdsaWithSha256 });
  const content = new TBSCertificate({
    ...{ version: Version.v3, serialNumber: toArrayBuffer(serial), signature: algorithm, issuer, subject },
    validity: new Validity(lifetime),
    subjectPublicKeyInfo: AsnConvert.parse(keys.publicKey, SubjectPublicKeyInfo),
    extensions: new Extensions(extensions),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(content)), issuerKey);
  const certificate = new Certificate({
    tbsCertificate: content,
    signatureAlgorithm: algorithm,
    signatureValue: toArrayBuffer(signature),
  });
  return { certificate: pemOf(AsnConvert.serialize(certificate)), key: keys.privateKey };
}

function generateKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** A positive number of 16 bytes, most of them random (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const serial = randomBytes(16);
  serial.writeUInt8((serial.readUInt8(0) & 0x3f) | 0x40, 0);
  return serial;
}

function nameOf(name: string): Name {
  const attribute = new AttributeTypeAndValue({ type: commonName, value: new AttributeValue({ utf8String: name }) });
  return new Name([new RelativeDistinguishedName([attribute])]);
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** Identifies a key by the SHA-1 digest of its bits (RFC 5280, 4.2.1.2). */
function keyIdentifier(publicKey: Buffer): ArrayBuffer {
  const { subjectPublicKey } = AsnConvert.parse(publicKey, SubjectPublicKeyInfo);
  return toArrayBuffer(hash('sha1', new Uint8Array(subjectPublicKey), 'buffer'));
}

function toArrayBuffer(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function pemOf(der: ArrayBuffer): string {
  return new X509Certificate(Buffer.from(der)).toString();
}
