import { createPrivateKey, X509Certificate } from 'node:crypto';
import { FairleadError } from '#lib/errors';

/** A certificate and its private key, as PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** All that the Secret of the operator holds. */
export interface Material {
  /** The authority that signs. */
  readonly issuer: KeyPair;
  /** The authority that signs next; it is trusted already. */
  readonly next?: KeyPair | undefined;
  /** What the webhooks show. The issuer has signed it. */
  readonly serving: KeyPair;
  /** The certificates of the authorities that API servers are to trust. */
  readonly trusted: readonly string[];
}

/** The `data` of a Secret: base64 by name. */
export type SecretData = Readonly<Record<string, string>>;

/**
 * Most authorities that a Secret may name. The operator writes three; every one is read by each
 * API server at each call.
 */
const mostTrusted = 16;

/** Writes the material as the `data` of a Secret. */
export function toSecretData({ issuer, next, serving, trusted }: Material): SecretData {
  const values = {
    'tls.crt': serving.certificate,
    'tls.key': serving.key,
    'ca.crt': bundleOf(trusted),
    'issuer.crt': issuer.certificate,
    'issuer.key': issuer.key,
    ...(next === undefined ? {} : { 'next-issuer.crt': next.certificate, 'next-issuer.key': next.key }),
  };
  return Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
}

/**
 * Reads the material of a Secret. Throws InvalidInput if something is missing, cannot be read or
 * does not belong together. What `ca.crt` lacks, or has too much, is no fault: it is written again.
 */
export function parseSecretData(data: SecretData): Material {
  const issuer = readAuthority(data, 'issuer');
  const hasNext = data['next-issuer.crt'] !== undefined || data['next-issuer.key'] !== undefined;
  const next = hasNext ? readAuthority(data, 'next-issuer') : undefined;
  const serving = readPair(data, 'tls');
  if (!isSignedBy(serving, issuer)) throw damaged('tls.crt is not signed by issuer.crt');
  return { issuer, next, serving, trusted: readTrusted(data) };
}

/** Returns certificates as one PEM file. */
export function bundleOf(certificates: readonly string[]): string {
  return certificates.join('');
}

/** Returns the certificates of a PEM file, each as its certificate is written by this program. */
export function certificatesOf(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).toString());
}

function readTrusted(data: SecretData): string[] {
  try {
    const certificates = certificatesOf(decode(data['ca.crt'] ?? ''));
    return [...new Set(certificates)].filter((each) => new X509Certificate(each).ca).slice(0, mostTrusted);
  } catch {
    return [];
  }
}

function readAuthority(data: SecretData, name: string): KeyPair {
  const pair = readPair(data, name);
  if (!new X509Certificate(pair.certificate).ca) throw damaged(`${name}.crt is not an authority`);
  return pair;
}

function readPair(data: SecretData, name: string): KeyPair {
  try {
    const certificate = new X509Certificate(decode(data[`${name}.crt`] ?? ''));
    const key = decode(data[`${name}.key`] ?? '');
    if (!certificate.checkPrivateKey(createPrivateKey(key))) throw damaged(`${name}.key is not the key of ${name}.crt`);
    return { certificate: certificate.toString(), key };
  } catch (cause) {
    if (cause instanceof FairleadError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw damaged(`${name}.crt and ${name}.key cannot be read: ${reason}`, cause);
  }
}

function isSignedBy(pair: KeyPair, authority: KeyPair): boolean {
  const certificate = new X509Certificate(pair.certificate);
  const signer = new X509Certificate(authority.certificate);
  return certificate.checkIssued(signer) && certificate.verify(signer.publicKey);
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function damaged(reason: string, cause?: unknown): FairleadError {
  return new FairleadError('InvalidInput', reason, { cause });
}
