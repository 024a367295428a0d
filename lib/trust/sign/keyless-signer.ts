import { generateKeyPair, type KeyObject, type X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { FairleadError, toFairleadError } from '#lib/errors';
import type { NetworkOptions } from '../../network/network-options.ts';
import { type AskService, serviceClient } from '../../network/service-client.ts';
import { algorithmOf, signBytes } from '../keys/key-algorithm.ts';
import { signStream } from '../keys/stream.ts';
import type { Requirement } from '../policy/policy.ts';
import type { LogUse, SigstoreRoot } from '../roots/trusted-root.ts';
import type { CertificateIdentity } from '../signature/identity.ts';
import { bundleBytes } from '../signature/write-bundle.ts';
import type { SigningServices } from '../sigstore/signing-config.ts';
import { type BytesSigner, type SignedBytes, signingWith } from './signable.ts';
import type { Signer } from './signer.ts';

/** The services and the identity for keylessSigner. */
export interface KeylessSignerOptions {
  /**
   * Sigstore signing config (JSON, v0.2): the certificate authority, the logs and the timestamp
   * authorities to use.
   */
  readonly signingConfig: Uint8Array;
  /** The OIDC token with the identity of the signer (see identity-token.ts). */
  readonly token: string;
  /** Verifies the answers of the services before anything is published; absent: no verification. */
  readonly trustedRoot?: SigstoreRoot | undefined;
  /** How to connect to the services. */
  readonly network?: NetworkOptions | undefined;
}

/**
 * Prepares keyless signing. Throws InvalidInput for an unusable signing config. Signing throws
 * Unauthenticated if the certificate authority rejects the token, Unavailable for an invalid answer
 * of a service, and SignatureInvalid if the answers do not verify under the trusted root. No error
 * contains the token.
 */
export async function keylessSigner({
  signingConfig,
  token,
  trustedRoot,
  network,
}: KeylessSignerOptions): Promise<Signer> {
  const { readSigningConfig } = await import('../sigstore/signing-config.ts');
  const services = readSigningConfig(signingConfig, Date.now());
  const ask = serviceClient(network);
  /** The key of this signer: it signs until its certificate is about to expire. */
  let current: CertifiedKey | undefined;
  let requested: Promise<CertifiedKey> | undefined;
  const certify = async (): Promise<CertifiedKey> => {
    if (current !== undefined && current.certificate.validToDate.getTime() - Date.now() > shortestUse) return current;
    // Signatures that are made at the same time wait for one certificate.
    requested ??= certifyKey(ask, services.certificateAuthority, token).finally(() => {
      requested = undefined;
    });
    current = await requested;
    return current;
  };
  const rethrow = (thrown: unknown): never => {
    throw withoutToken(thrown, token);
  };
  return {
    async requirements() {
      if (trustedRoot === undefined) return undefined;
      const { identityOfCertificate } = await import('../roots/certificate-identity.ts');
      try {
        const { certificate } = await certify();
        return requirementsOf(identityOfCertificate(certificate.raw), services, trustedRoot);
      } catch (thrown) {
        return rethrow(thrown);
      }
    },
    ...signingWith(async (signable) => {
      const { privateKey, certificate } = await certify().catch(rethrow);
      const signed = await signable.sign(bytesSigner(privateKey), certificate.publicKey);
      const bundle = await witnessed(services, ask, signed, certificate).catch(rethrow);
      trustedRoot?.verifyCertificate(signed.open(bundle), 'optional');
      return bundle;
    }),
  };
}

/** Milliseconds that a certificate must be valid for a signature and its entries in logs. */
const shortestUse = 60_000;

/** A key and its certificate. */
interface CertifiedKey {
  readonly privateKey: KeyObject;
  readonly certificate: X509Certificate;
}

/** Generates a key, and requests its certificate. */
async function certifyKey(ask: AskService, certificateAuthority: string, token: string): Promise<CertifiedKey> {
  const { requestCertificate } = await import('../sigstore/fulcio.ts');
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  return { privateKey, certificate: await requestCertificate(ask, certificateAuthority, { token, privateKey }) };
}

/**
 * Returns the requirements that a signature with a certificate meets: identity, issuer, claims, and
 * the kinds of witnesses.
 */
function requirementsOf(
  { issuer, identity, claims }: CertificateIdentity,
  { logs, timestampAuthorities }: SigningServices,
  root: SigstoreRoot,
): readonly Requirement[] {
  const keyless = { issuer: { exact: issuer }, identity: { exact: identity }, claims };
  const uses: readonly LogUse[] = [
    ...(logs.length > 0 ? (['required'] as const) : []),
    ...(timestampAuthorities.length > 0 ? (['off'] as const) : []),
  ];
  return uses.map((use) => ({ anyOf: [{ keyless, log: { use, root } }] }));
}

/** Signs with a key that certifyKey generated. */
function bytesSigner(key: KeyObject): BytesSigner {
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) throw new FairleadError('Internal', 'a key of an unsupported kind was generated');
  return {
    signBytes: (bytes) => signBytes(key, algorithm, bytes),
    signStream: (pieces) => signStream(key, algorithm, pieces),
  };
}

async function witnessed(
  services: SigningServices,
  ask: AskService,
  signed: SignedBytes,
  certificate: X509Certificate,
): Promise<Uint8Array> {
  const { askWitnesses } = await import('../sigstore/ask-witnesses.ts');
  return bundleBytes(signed.content, {
    certificate: { rawBytes: certificate.raw.toString('base64') },
    ...(await askWitnesses(ask, services, { ...signed, verifier: certificate })),
  });
}

/**
 * Removes the token from an error: the message of a service may quote it, and long messages are
 * truncated, so that only the start of a token may be left.
 */
function withoutToken(thrown: unknown, token: string): FairleadError {
  const { kind, message, hint } = toFairleadError(thrown);
  const starts = token.split('.').map((part) => part.slice(0, 8));
  const said = starts.filter((start) => start.length === 8).reduce(withoutRun, message);
  return new FairleadError(kind, `keyless signing failed: ${said}`, hint === undefined ? {} : { hint });
}

/** Replaces each run of token characters that begins with `start`. */
function withoutRun(text: string, start: string): string {
  const [before = '', ...after] = text.split(start);
  return [before, ...after.map((rest) => rest.replace(/^[\w.-]*/, '(token)'))].join('');
}
