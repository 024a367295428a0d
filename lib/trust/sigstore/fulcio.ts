import { createPublicKey, type KeyObject, sign, X509Certificate } from 'node:crypto';
import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { AskService } from '../../network/service-client.ts';
import { readAnswer, serviceError } from './service-answer.ts';

const chainSchema = v.object({ chain: v.object({ certificates: v.pipe(v.array(v.string()), v.minLength(1)) }) });
const certificateSchema = v.union([
  v.object({ signedCertificateEmbeddedSct: chainSchema }),
  v.object({ signedCertificateDetachedSct: chainSchema }),
]);
const claimsSchema = v.object({ sub: v.optional(v.string(), ''), email: v.optional(v.string(), '') });

/**
 * Asks Fulcio (api/v2/signingCert) for a certificate for a P-256 key, for whoever the identity
 * token names. Throws Unauthenticated where it does not take the token, Unavailable where it does
 * not answer as it should. What it says may quote the token.
 */
export async function requestCertificate(
  ask: AskService,
  url: string,
  { token, privateKey }: { readonly token: string; readonly privateKey: KeyObject },
): Promise<X509Certificate> {
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  const answer = await ask({
    method: 'POST',
    url: `${url}/api/v2/signingCert`,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({
      credentials: { oidcIdentityToken: token },
      publicKeyRequest: {
        publicKey: { algorithm: 'ECDSA', content: publicKey },
        // That we hold the key is shown by signing the name.
        proofOfPossession: sign('sha256', Buffer.from(subjectOf(token)), privateKey).toString('base64'),
      },
    }),
  });
  if (answer.status >= 400 && answer.status < 500) {
    const { message } = serviceError(url, answer);
    throw new FairleadError(
      'Unauthenticated',
      `the certificate authority does not accept the identity token: ${message}`,
      {
        hint: 'Its issuer must be one that the authority knows, its audience "sigstore" as a rule, and it must not have expired.',
      },
    );
  }
  const certificate = readAnswer(url, answer, certificateSchema);
  const { chain } =
    'signedCertificateEmbeddedSct' in certificate
      ? certificate.signedCertificateEmbeddedSct
      : certificate.signedCertificateDetachedSct;
  try {
    return new X509Certificate(chain.certificates[0] ?? '');
  } catch {
    throw new FairleadError('Unavailable', `${url} answered with an invalid certificate`);
  }
}

/** Whom the authority will certify: the e-mail address, else the subject. */
function subjectOf(token: string): string {
  const { sub, email } = v.parse(
    claimsSchema,
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()),
  );
  return email || sub;
}
