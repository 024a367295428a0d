import * as v from 'valibot';
import { FairleadError } from '#lib/errors';

/** PEM, in base64. */
const pem = v.pipe(
  v.string(),
  v.transform((text) => derOf(Buffer.from(text, 'base64').toString('latin1'))),
);
const der = v.pipe(
  v.object({ rawBytes: v.string() }),
  v.transform(({ rawBytes }) => Buffer.from(rawBytes, 'base64')),
);
const verifierV2 = v.union([v.object({ x509Certificate: der }), v.object({ publicKey: der })]);
const only = <T extends v.GenericSchema>(each: T) => v.strictTuple([each]);

/**
 * The signer in each kind of entry, by kind and version (rekor, pkg/types; rekor-tiles, api/proto).
 */
const signerOf: Readonly<Record<string, v.GenericSchema<unknown, Uint8Array>>> = {
  'hashedrekord/0.0.1': v.pipe(
    v.object({ spec: v.object({ signature: v.object({ publicKey: v.object({ content: pem }) }) }) }),
    v.transform(({ spec }) => spec.signature.publicKey.content),
  ),
  'dsse/0.0.1': v.pipe(
    v.object({ spec: v.object({ signatures: only(v.object({ verifier: pem })) }) }),
    v.transform(({ spec }) => spec.signatures[0].verifier),
  ),
  'intoto/0.0.2': v.pipe(
    v.object({
      spec: v.object({
        content: v.object({ envelope: v.object({ signatures: only(v.object({ publicKey: pem })) }) }),
      }),
    }),
    v.transform(({ spec }) => spec.content.envelope.signatures[0].publicKey),
  ),
  'hashedrekord/0.0.2': v.pipe(
    v.object({ spec: v.object({ hashedRekordV002: v.object({ signature: v.object({ verifier: verifierV2 }) }) }) }),
    v.transform(({ spec }) => derOfV2(spec.hashedRekordV002.signature.verifier)),
  ),
  'dsse/0.0.2': v.pipe(
    v.object({ spec: v.object({ dsseV002: v.object({ signatures: only(v.object({ verifier: verifierV2 })) }) }) }),
    v.transform(({ spec }) => derOfV2(spec.dsseV002.signatures[0].verifier)),
  ),
};

const kindSchema = v.object({ kind: v.string(), apiVersion: v.string() });

/**
 * Checks that an entry in a transparency log (its body, JSON) names the very certificate or key
 * (DER) that verifies the signature: who monitors the log for signatures in their name must find
 * all of them, and a key can have certificates for several names. Throws SignatureInvalid.
 */
export function assertEntryShows(body: Uint8Array, signer: Uint8Array): void {
  const entry: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
  const { kind, apiVersion } = v.parse(kindSchema, entry);
  const form = `${kind}/${apiVersion}`;
  const schema = Object.hasOwn(signerOf, form) ? signerOf[form] : undefined;
  const shown = schema === undefined ? undefined : v.safeParse(schema, entry, { abortEarly: true });
  if (shown?.success === true && Buffer.from(signer).equals(shown.output)) return;
  throw new FairleadError('SignatureInvalid', 'its log entry shows another certificate or key than the bundle');
}

function derOfV2(verifier: v.InferOutput<typeof verifierV2>): Uint8Array {
  return 'x509Certificate' in verifier ? verifier.x509Certificate : verifier.publicKey;
}

/** Returns the bytes of the first PEM block; none if there is no block. */
function derOf(text: string): Uint8Array {
  const [, content = ''] = /-----BEGIN [A-Z ]+-----([^-]*)-----END/.exec(text) ?? [];
  return Buffer.from(content, 'base64');
}
