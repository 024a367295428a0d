import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, digestParts } from '#lib/registry/digest';
import { quote } from '#lib/text/quote';
import { signPredicateType } from './predicate-type.ts';

/** DSSE payload type of in-toto statements. */
export const statementPayloadType = 'application/vnd.in-toto+json';

const statementType = 'https://in-toto.io/Statement/v1';
/** The statement type that `cosign attest` still writes. Signatures never have it. */
const oldStatementType = 'https://in-toto.io/Statement/v0.1';

const notStatement = 'its payload is not an in-toto v1 statement';

const statementSchema = v.object({
  _type: v.picklist([statementType, oldStatementType]),
  subject: v.pipe(v.array(v.object({ digest: v.record(v.string(), v.string()) })), v.minLength(1)),
  predicateType: v.string(),
  predicate: v.optional(v.unknown()),
});

type Statement = v.InferOutput<typeof statementSchema>;

/**
 * Returns the bytes of the in-toto statement that means "I signed this artifact", as cosign 3
 * writes it.
 */
export function signStatement(descriptor: Descriptor): Uint8Array {
  return render([{ ...subjectOf(descriptor), annotations: {} }], signPredicateType, {});
}

/** A statement about an artifact, other than "I signed it". */
export interface Attestation {
  /** The type of the statement, a URI. */
  readonly predicateType: string;
  /** JSON. */
  readonly predicate: object;
}

/** Returns the bytes of the in-toto statement of an attestation. */
export function attestStatement(descriptor: Descriptor, { predicateType, predicate }: Attestation): Uint8Array {
  return render([subjectOf(descriptor)], predicateType, predicate);
}

/** A file that a statement is about. */
export interface FileSubject {
  readonly name: string;
  readonly digest: Digest;
}

/** Returns the bytes of an in-toto statement about files, with their names and digests. */
export function fileStatement(files: readonly FileSubject[], { predicateType, predicate }: Attestation): Uint8Array {
  return render(
    files.map((file) => ({ name: file.name, ...subjectOf(file) })),
    predicateType,
    predicate,
  );
}

/**
 * Returns the same as cosign 2 writes and reads it: of the older version, and with the name of the
 * repository (`registry/repository`).
 */
export function legacyAttestStatement(
  descriptor: Descriptor,
  name: string,
  { predicateType, predicate }: Attestation,
): Uint8Array {
  return render([{ name, ...subjectOf(descriptor) }], predicateType, predicate, oldStatementType);
}

/**
 * Checks that a statement is of this predicate type and about this very artifact, by the digest in
 * it. Returns its predicate. An attestation of another type (an SBOM, a scan) is not a signature of
 * the artifact, even if the same key made it. Throws SignatureInvalid that names the difference.
 */
export function assertStatement(
  payloadType: string,
  payload: Uint8Array,
  { descriptor, predicateType }: { readonly descriptor: Pick<Descriptor, 'digest'>; readonly predicateType: string },
): unknown {
  if (payloadType !== statementPayloadType)
    throw invalid(`its payload type is ${quote(payloadType, 160)}: want ${statementPayloadType}`);
  const statement = parseStatement(payload);
  if (statement.predicateType !== predicateType) {
    const found = quote(statement.predicateType, 160);
    throw invalid(
      predicateType === signPredicateType
        ? `it is an attestation of type ${found}, not a signature`
        : `its predicate type is ${found}: want ${quote(predicateType, 160)}`,
    );
  }
  if (predicateType === signPredicateType && statement._type !== statementType) throw invalid(notStatement);
  const { algorithm, hex } = digestParts(descriptor.digest);
  if (!statement.subject.some(({ digest }) => Object.hasOwn(digest, algorithm) && digest[algorithm] === hex)) {
    const [first] = statement.subject;
    throw invalid(`it was made for another artifact (${quote(first?.digest[algorithm] ?? 'no digest', 160)})`);
  }
  return statement.predicate;
}

/** Returns the predicate type of a statement, unverified; undefined if it is malformed. */
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

function subjectOf({ digest }: Pick<Descriptor, 'digest'>): object {
  const { algorithm, hex } = digestParts(digest);
  return { digest: { [algorithm]: hex } };
}

function render(
  subject: readonly object[],
  predicateType: string,
  predicate: object,
  type = statementType,
): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ _type: type, subject, predicateType, predicate }));
}

function invalid(message: string, cause?: unknown): FairleadError {
  return new FairleadError('SignatureInvalid', message, cause === undefined ? {} : { cause });
}
