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
 * Requests a certificate from Fulcio (api/v2/signingCert) for a P-256 key and the identity in the
 * token. Throws Unauthenticated if Fulcio rejects the token, and Unavailable for an invalid answer.
 * The messages may quote the token.
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
        // Signing the subject proves possession of the key.
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
        hint: 'Use a token that has not expired, of an issuer that the authority knows, usually for audience "sigstore".',
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
    throw new FairleadError('Unavailable', `invalid answer of ${url}: want a certificate in PEM format`);
  }
}

/**
 * Returns the identity that the authority will certify: the e-mail address, or else the subject.
 */
function subjectOf(token: string): string {
  const { sub, email } = v.parse(
    claimsSchema,
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()),
  );
  return email || sub;
}
