import { FairleadError } from '#lib/errors';
import { digestOf } from '#lib/registry/digest';
import type { SigstoreRoot } from './policy.ts';
import { openSignature } from './signed-content.ts';
import { readSigningConfig } from './signing-config.ts';
import { statementPayloadType } from './statement.ts';

/** Signs with a key that lives for one signature, and a certificate that says whose it was. */
export interface KeylessSigner {
  /** Gives a Sigstore bundle v0.3 (JSON) around an in-toto statement. */
  signStatement(statement: Uint8Array): Promise<Uint8Array>;
}

export interface KeylessOptions {
  /** Sigstore signing config (JSON, v0.2): the certificate authority, the logs and the timestamp authorities to use. */
  readonly signingConfig: Uint8Array;
  /** The OIDC token that says who signs (see identity-token.ts). */
  readonly token: string;
  /** What the services answer is checked against, before anything is published; unchecked without it. */
  readonly trustedRoot?: SigstoreRoot | undefined;
}

/** Milliseconds for one request. A log of the second kind answers when its next checkpoint is there. */
const timeout = 20_000;

/**
 * Prepares keyless signing. Throws InvalidInput for a signing config that cannot be used; signing throws Unauthenticated where
 * the certificate authority does not accept the token, Unavailable where a service does not answer as it should, and
 * SignatureInvalid where what they answered does not hold under the trusted root. The token is in none of the errors.
 */
export async function keylessSigner({ signingConfig, token, trustedRoot }: KeylessOptions): Promise<KeylessSigner> {
  const { certificateAuthority, logs, timestampAuthorities } = readSigningConfig(signingConfig, Date.now());
  const [{ DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness }, { bundleToJSON }, { rekorV2Witness }] =
    await Promise.all([import('@sigstore/sign'), import('@sigstore/bundle'), import('./rekor-v2-witness.ts')]);
  const network = { timeout, retry: { retries: 2 } };
  const witnesses = [
    ...logs.map(({ url, version }) =>
      version === 2
        ? rekorV2Witness(url, timeout)
        : new RekorWitness({ rekorBaseURL: url, entryType: 'dsse', ...network }),
    ),
    ...timestampAuthorities.map((url) => new TSAWitness({ tsaBaseURL: url, ...network })),
  ];
  return {
    async signStatement(statement) {
      let bundle: Uint8Array;
      try {
        // A signer for each signature: it holds the key.
        const identityProvider = { getToken: async () => token };
        const signer = new FulcioSigner({ fulcioBaseURL: certificateAuthority, identityProvider, ...network });
        const made = await new DSSEBundleBuilder({ signer, witnesses }).create({
          data: Buffer.from(statement),
          type: statementPayloadType,
        });
        bundle = new TextEncoder().encode(JSON.stringify(bundleToJSON(made)));
      } catch (thrown) {
        throw signingError(thrown, token);
      }
      const content = openSignature({ format: 'bundle', manifest: digestOf(bundle), bundle });
      trustedRoot?.verifyCertificate(content, 'optional');
      return bundle;
    },
  };
}

/** An error of the clients in our words. Their errors, and what they quote of a server's, may hold the token: nothing of it stays. */
function signingError(thrown: unknown, token: string): FairleadError {
  const { code, message, cause } = thrown instanceof Error ? (thrown as NodeJS.ErrnoException) : { message: '' };
  const inner = cause instanceof Error ? cause : undefined;
  const status: unknown = inner === undefined ? undefined : Reflect.get(inner, 'statusCode');
  const secrets = [token, ...token.split('.')].filter((part) => part.length > 8);
  const detail = [message, inner?.message ?? '']
    .filter((text, index, all) => text !== '' && all.findIndex((other) => other.includes(text)) === index)
    .join(': ');
  const said = secrets.reduce((text, secret) => text.replaceAll(secret, '(token)'), detail).slice(0, 500);
  if (code === 'CA_CREATE_SIGNING_CERTIFICATE_ERROR' && typeof status === 'number' && status < 500) {
    return new FairleadError(
      'Unauthenticated',
      `the certificate authority does not accept the identity token: ${said}`,
      {
        hint: 'Its issuer must be one that the authority knows, its audience "sigstore" as a rule, and it must not have expired.',
      },
    );
  }
  return new FairleadError('Unavailable', `keyless signing failed: ${said}`, {
    hint: 'Nothing was published under the tag. Try again, or check the services of the signing config.',
  });
}
