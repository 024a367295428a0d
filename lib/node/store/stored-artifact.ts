import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, isDigest } from '#lib/registry/digest';
import { descriptorSchema } from '#lib/registry/manifest';
import type { Signature } from '#lib/trust/signature/signature';
import { nodeCaller } from './pull-note.ts';

/**
 * That an artifact was pulled from a repository, and the signatures that were found there: enough
 * to verify it again offline.
 */
export interface Pull {
  /** `registry/repository`. */
  readonly repository: string;
  readonly signatures: readonly Signature[];
  /** RFC 3339. */
  readonly pulledAt: string;
  /** The spellings of `registry/repository` by which it was pulled, the latest last. */
  readonly names: readonly string[];
  /** Who has pulled it, as the store identifies callers, the latest last. */
  readonly callers: readonly string[];
}

/** The record of one artifact in the store. The record is what makes the artifact's blobs count. */
export interface StoredArtifact {
  readonly descriptor: Descriptor;
  readonly kind: RuntimeKind;
  /** One for each repository that it was pulled from. */
  readonly pulls: readonly Pull[];
}

const digest = v.custom<Digest>((value) => typeof value === 'string' && isDigest(value), 'not a digest');
const base64 = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
);

const recordSchema = v.object({
  version: v.literal(1),
  descriptor: descriptorSchema,
  kind: v.picklist(['Seccomp', 'AppArmor']),
  pulls: v.pipe(
    v.array(
      v.object({
        repository: v.string(),
        pulledAt: v.string(),
        names: v.optional(v.array(v.string()), []),
        // Older releases did not distinguish callers: what they stored stays available offline.
        callers: v.optional(v.array(v.string()), [nodeCaller]),
        signatures: v.array(
          v.variant('format', [
            v.object({
              format: v.literal('bundle'),
              manifest: digest,
              bundle: base64,
              message: v.exactOptional(base64),
            }),
            v.object({
              format: v.literal('legacy'),
              manifest: digest,
              payload: base64,
              annotations: v.record(v.string(), v.string()),
            }),
            v.object({
              format: v.literal('legacy-attestation'),
              manifest: digest,
              envelope: base64,
              annotations: v.record(v.string(), v.string()),
            }),
          ]),
        ),
      }),
    ),
    v.minLength(1),
  ),
});

type RecordInput = v.InferInput<typeof recordSchema>;

/** Writes a record as JSON. */
export function renderRecord({ descriptor, kind, pulls }: StoredArtifact): Uint8Array {
  const record: RecordInput = {
    version: 1,
    descriptor,
    kind,
    pulls: pulls.map(({ signatures, names, callers, ...pull }) => ({
      ...pull,
      ...{ names: [...names], callers: [...callers] },
      signatures: signatures.map(renderSignature),
    })),
  };
  return Buffer.from(`${JSON.stringify(record, undefined, 1)}\n`);
}

function renderSignature(signature: Signature): RecordInput['pulls'][number]['signatures'][number] {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  if (signature.format === 'bundle') {
    const { message, bundle, ...rest } = signature;
    return { ...rest, bundle: text(bundle), ...(message === undefined ? {} : { message: text(message) }) };
  }
  const annotations = { ...signature.annotations };
  return signature.format === 'legacy'
    ? { ...signature, payload: text(signature.payload), annotations }
    : { ...signature, envelope: text(signature.envelope), annotations };
}

/** Reads a record. Throws InvalidInput, naming the field at fault. */
export function parseRecord(bytes: Uint8Array): StoredArtifact {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new FairleadError('InvalidInput', 'the record is not JSON', { cause });
  }
  const result = v.safeParse(recordSchema, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new FairleadError('InvalidInput', `the record's ${v.getDotPath(issue) ?? 'document'}: ${issue.message}`);
}
