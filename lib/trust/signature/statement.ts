import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { digestParts } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { signPredicateType } from './predicate-type.ts';

/** DSSE payload type of in-toto statements. */
export const statementPayloadType = 'application/vnd.in-toto+json';

const statementType = 'https://in-toto.io/Statement/v1';
/** What `cosign attest` writes still. Signatures are never stated so. */
const oldStatementType = 'https://in-toto.io/Statement/v0.1';

const notStatement = 'its payload is no in-toto v1 statement';

const statementSchema = v.object({
  _type: v.picklist([statementType, oldStatementType]),
  subject: v.pipe(v.array(v.object({ digest: v.record(v.string(), v.string()) })), v.minLength(1)),
  predicateType: v.string(),
  predicate: v.optional(v.unknown()),
});

type Statement = v.InferOutput<typeof statementSchema>;

/** The bytes of the in-toto statement that says "I signed this artifact", as cosign 3 writes it. */
export function signStatement(descriptor: Descriptor): Uint8Array {
  return render({ ...subjectOf(descriptor), annotations: {} }, signPredicateType, {});
}

/** Something said about an artifact, beside "I signed it". */
export interface Attestation {
  /** What kind of thing is said: a URI. */
  readonly predicateType: string;
  /** JSON. */
  readonly predicate: object;
}

/** The bytes of an in-toto statement that says something about an artifact. */
export function attestStatement(descriptor: Descriptor, { predicateType, predicate }: Attestation): Uint8Array {
  return render(subjectOf(descriptor), predicateType, predicate);
}

/**
 * The same as cosign 2 writes and reads it: of the older version, and naming the repository
 * (`registry/repository`).
 */
export function legacyAttestStatement(
  descriptor: Descriptor,
  name: string,
  { predicateType, predicate }: Attestation,
): Uint8Array {
  return render({ name, ...subjectOf(descriptor) }, predicateType, predicate, oldStatementType);
}

/**
 * Checks that a statement says something of this kind about this very artifact: predicate type, and
 * the digest in it; gives its predicate. An attestation of something else about the artifact (an
 * SBOM, a scan) is no signature of it, though the same key made it. Throws SignatureInvalid that
 * says which of these it is not.
 */
export function assertStatement(
  payloadType: string,
  payload: Uint8Array,
  { descriptor, predicateType }: { readonly descriptor: Descriptor; readonly predicateType: string },
): unknown {
  if (payloadType !== statementPayloadType) throw invalid(`its payload type is ${quote(payloadType, 160)}`);
  const statement = parseStatement(payload);
  if (predicateType === signPredicateType && statement._type !== statementType) throw invalid(notStatement);
  if (statement.predicateType !== predicateType) {
    const lacks = predicateType === signPredicateType ? 'which is no signature' : `not ${quote(predicateType, 160)}`;
    throw invalid(`it states ${quote(statement.predicateType, 160)} about the artifact, ${lacks}`);
  }
  const { algorithm, hex } = digestParts(descriptor.digest);
  if (!statement.subject.some(({ digest }) => Object.hasOwn(digest, algorithm) && digest[algorithm] === hex)) {
    const [first] = statement.subject;
    throw invalid(`it was made for another artifact (${quote(first?.digest[algorithm] ?? 'no digest', 160)})`);
  }
  return statement.predicate;
}

/**
 * What a statement says that it states, before anything is verified; undefined where it is
 * malformed.
 */
export function claimedPredicateType(payload: Uint8Array): string | undefined {
  try {
    return parseStatement(payload).predicateType;
  } catch (error) {
    if (error instanceof FairleadError) return undefined;
    throw error;
  }
}

function parseStatement(payload: Uint8Array): Statement {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw invalid('its payload is not JSON', cause);
  }
  const parsed = v.safeParse(statementSchema, json, { abortEarly: true });
  if (parsed.success) return parsed.output;
  throw invalid(notStatement);
}

function subjectOf({ digest }: Descriptor): object {
  const { algorithm, hex } = digestParts(digest);
  return { digest: { [algorithm]: hex } };
}

function render(subject: object, predicateType: string, predicate: object, type = statementType): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ _type: type, subject: [subject], predicateType, predicate }));
}

function invalid(message: string, cause?: unknown): FairleadError {
  return new FairleadError('SignatureInvalid', message, cause === undefined ? {} : { cause });
}
