import { generateKeyPair, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { FairleadError, toFairleadError } from '#lib/errors';
import { digestOf } from '#lib/registry/digest';
import { preAuthEncoding } from './dsse.ts';
import type { SigstoreRoot } from './policy.ts';
import { type AskService, type NetworkOptions, serviceClient } from './service-client.ts';
import type { StatementSigner } from './sign-artifact.ts';
import { openSignature } from './signed-content.ts';
import type { SigningServices } from './signing-config.ts';
import { statementPayloadType } from './statement.ts';
import { bundleBytes, envelopeOf } from './write-bundle.ts';

export interface KeylessOptions {
  /** Sigstore signing config (JSON, v0.2): the certificate authority, the logs and the timestamp authorities to use. */
  readonly signingConfig: Uint8Array;
  /** The OIDC token that says who signs (see identity-token.ts). */
  readonly token: string;
  /** What the services answer is checked against, before anything is published; unchecked without it. */
  readonly trustedRoot?: SigstoreRoot | undefined;
  /** How the services are reached. */
  readonly network?: NetworkOptions | undefined;
}

/**
 * Prepares keyless signing. Throws InvalidInput for a signing config that cannot be used; signing throws Unauthenticated where
 * the certificate authority does not accept the token, Unavailable where a service does not answer as it should, and
 * SignatureInvalid where what they answered does not hold under the trusted root. The token is in none of the errors.
 */
export async function keylessSigner({
  signingConfig,
  token,
  trustedRoot,
  network,
}: KeylessOptions): Promise<StatementSigner> {
  const { readSigningConfig } = await import('./signing-config.ts');
  const services = readSigningConfig(signingConfig, Date.now());
  const ask = serviceClient(network);
  return {
    async signStatement(statement) {
      let bundle: Uint8Array;
      try {
        bundle = await signWith(services, ask, token, statement);
      } catch (thrown) {
        throw withoutToken(thrown, token);
      }
      const content = openSignature({ format: 'bundle', manifest: digestOf(bundle), bundle });
      trustedRoot?.verifyCertificate(content, 'optional');
      return bundle;
    },
  };
}

async function signWith(
  services: SigningServices,
  ask: AskService,
  token: string,
  statement: Uint8Array,
): Promise<Uint8Array> {
  const [{ requestCertificate }, { askWitnesses }] = await Promise.all([
    import('./fulcio.ts'),
    import('./ask-witnesses.ts'),
  ]);
  // A key for each signature: what is known of one by its certificate says nothing of another.
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const certificate = await requestCertificate(ask, services.certificateAuthority, { token, privateKey });
  const signature = sign('sha256', preAuthEncoding(statementPayloadType, statement), privateKey);
  const envelope = envelopeOf(statement, signature);
  return bundleBytes(envelope, {
    certificate: { rawBytes: certificate.raw.toString('base64') },
    ...(await askWitnesses(ask, services, { envelope, signature, verifier: certificate })),
  });
}

/** An error of the services, in which nothing of the token stays: what they say may quote it, and was cut where it is long. */
function withoutToken(thrown: unknown, token: string): FairleadError {
  const { kind, message, hint } = toFairleadError(thrown);
  const starts = token.split('.').map((part) => part.slice(0, 8));
  const said = starts.filter((start) => start.length === 8).reduce(withoutRun, message);
  return new FairleadError(kind, `keyless signing failed: ${said}`, hint === undefined ? {} : { hint });
}

/** A text without what begins so, up to the next character that is in no token. */
function withoutRun(text: string, start: string): string {
  const [before = '', ...after] = text.split(start);
  return [before, ...after.map((rest) => rest.replace(/^[\w.-]*/, '(token)'))].join('');
}
