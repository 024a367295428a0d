import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestParts } from '#lib/registry/digest';

/** DSSE payload type of in-toto statements. */
export const statementPayloadType = 'application/vnd.in-toto+json';
/** What `cosign sign` states since 3.0: "I signed this", and nothing more. */
export const signPredicateType = 'https://sigstore.dev/cosign/sign/v1';

const statementType = 'https://in-toto.io/Statement/v1';

const statementSchema = v.object({
  _type: v.literal(statementType),
  subject: v.pipe(v.array(v.object({ digest: v.record(v.string(), v.string()) })), v.minLength(1)),
  predicateType: v.string(),
});

/** The bytes of the in-toto statement that says "I signed this artifact", as cosign 3 writes it. */
export function signStatement(descriptor: Descriptor): Uint8Array {
  const { algorithm, hex } = digestParts(descriptor.digest);
  return new TextEncoder().encode(
    JSON.stringify({
      _type: statementType,
      subject: [{ digest: { [algorithm]: hex }, annotations: {} }],
      predicateType: signPredicateType,
      predicate: {},
    }),
  );
}

/**
 * Checks that a statement is a signature of this very artifact: its kind, its predicate type, and the digest in it. An
 * attestation of something else about the artifact (an SBOM, a scan) is no signature of it, though the same key made it.
 * Throws SignatureInvalid that says which of these it is not.
 */
export function assertSignStatement(payloadType: string, payload: Uint8Array, descriptor: Descriptor): void {
  if (payloadType !== statementPayloadType) throw invalid(`its payload type is ${quote(payloadType)}`);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw invalid('its payload is not JSON', cause);
  }
  const parsed = v.safeParse(statementSchema, json, { abortEarly: true });
  if (!parsed.success) throw invalid('its payload is no in-toto v1 statement');
  const { predicateType, subject } = parsed.output;
  if (predicateType !== signPredicateType) {
    throw invalid(`it states ${quote(predicateType)} about the artifact, which is no signature`);
  }
  const { algorithm, hex } = digestParts(descriptor.digest);
  if (!subject.some(({ digest }) => Object.hasOwn(digest, algorithm) && digest[algorithm] === hex)) {
    const [first] = subject;
    throw invalid(`it was made for another artifact (${quote(first?.digest[algorithm] ?? 'no digest')})`);
  }
}

function invalid(message: string, cause?: unknown): FairleadError {
  return new FairleadError('SignatureInvalid', message, cause === undefined ? {} : { cause });
}

function quote(text: string): string {
  return JSON.stringify(text.length > 160 ? `${text.slice(0, 160)}…` : text);
}
