import * as v from 'valibot';
import { profileMediaTypes } from '#lib/artifact/artifact';
import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { isDigest } from '#lib/registry/digest';
import { formatRepository, isTag, parseReference, type Reference } from '#lib/registry/reference';
import { quote } from '#lib/text/quote';
import type { CatalogEntry } from './entry.ts';
import { statedFields } from './entry-annotations.ts';
import { catalogAnnotations, catalogLimits, catalogPrefix } from './format.ts';

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(catalogLimits.annotationLength));
const signersSchema = v.pipe(
  v.array(
    v.union([
      v.strictObject({ key: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
      v.strictObject({ issuer: text, identity: text }),
    ]),
  ),
  v.maxLength(catalogLimits.signersOfEntry),
);
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(10_000));
const callsSchema = v.strictObject({ allowed: count, baseline: count, asked: count });

/** Returns the descriptor that stands for an entry in a shard; parseEntry is the inverse. */
export function entryDescriptor(entry: CatalogEntry): Descriptor {
  const { descriptor, kind, tags, architectures, subject, signers, calls } = entry;
  const own = {
    [catalogAnnotations.repository]: formatRepository(entry),
    [catalogAnnotations.kind]: kind,
    ...(tags.length > 0 && { [catalogAnnotations.tags]: tags.join(',') }),
    ...(architectures.length > 0 && { [catalogAnnotations.architectures]: architectures.join(',') }),
    ...(subject !== undefined && { [catalogAnnotations.subject]: subject }),
    ...(signers.length > 0 && { [catalogAnnotations.signers]: JSON.stringify(signers.map(inOrder)) }),
    ...(calls !== undefined && {
      [catalogAnnotations.calls]: JSON.stringify({
        allowed: calls.allowed,
        baseline: calls.baseline,
        asked: calls.asked,
      }),
    }),
  };
  const annotations = Object.entries({ ...entry.annotations, ...own });
  const { mediaType, digest, size, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType !== undefined && { artifactType }),
    annotations: Object.fromEntries(annotations.sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

/** Returns a signer with its fields in one order, so that the same signer is the same text. */
function inOrder(signer: CatalogEntry['signers'][number]): CatalogEntry['signers'][number] {
  return 'key' in signer ? { key: signer.key } : { issuer: signer.issuer, identity: signer.identity };
}

/**
 * Reads an entry of a shard. Throws ProfileInvalid for a descriptor that is not that of a profile's
 * manifest, such as an index, and for annotations that are malformed or too long.
 */
export function parseEntry(listed: Descriptor): CatalogEntry {
  const { mediaType, digest, size, artifactType, annotations = {} } = listed;
  const wrong = (what: string): FairleadError => new FairleadError('ProfileInvalid', `entry ${digest}: ${what}`);
  if (mediaType !== mediaTypes.manifest)
    throw wrong(`its media type is ${quote(mediaType)}: want ${mediaTypes.manifest}`);
  const all = Object.entries(annotations);
  if (all.length > catalogLimits.annotationsOfEntry) throw wrong(`it has ${all.length} annotations`);
  for (const [key, value] of all) {
    if (key.length > 255 || value.length > lengthLimit(key)) throw wrong(`annotation ${quote(key)} is too long`);
  }
  const kind = annotations[catalogAnnotations.kind];
  if (!isKind(kind)) throw wrong(`invalid kind ${quote(kind ?? '')}`);
  const tags = listIn(annotations[catalogAnnotations.tags]);
  if (tags.length > catalogLimits.tagsOfEntry || !tags.every(isTag)) throw wrong('invalid tags');
  const architectures = listIn(annotations[catalogAnnotations.architectures]);
  if (!architectures.every((name) => /^[a-z0-9]{1,32}$/.test(name))) throw wrong('invalid architectures');
  const subject = annotations[catalogAnnotations.subject];
  if (subject !== undefined && !isDigest(subject)) throw wrong('invalid subject');
  const calls = jsonIn(callsSchema, annotations[catalogAnnotations.calls], 'calls', wrong);
  const stated = Object.fromEntries(all.filter(([key]) => !key.startsWith(catalogPrefix)));
  const repository = repositoryIn(annotations[catalogAnnotations.repository] ?? '', wrong);
  return {
    ...repository,
    descriptor: { mediaType, digest, size, ...(artifactType !== undefined && { artifactType }) },
    kind,
    tags,
    architectures,
    ...(subject !== undefined && { subject }),
    signers: jsonIn(signersSchema, annotations[catalogAnnotations.signers], 'signers', wrong) ?? [],
    ...(calls !== undefined && { calls }),
    ...statedFields(stated, subject === undefined ? undefined : formatRepository(repository)),
    annotations: stated,
  };
}

/** The tags of an entry may be many; they are bounded by their number. */
function lengthLimit(key: string): number {
  return key === catalogAnnotations.tags ? catalogLimits.tagsOfEntry * 129 : catalogLimits.annotationLength;
}

function isKind(kind: string | undefined): kind is RuntimeKind {
  return kind !== undefined && Object.hasOwn(profileMediaTypes, kind);
}

function listIn(joined: string | undefined): readonly string[] {
  return joined === undefined ? [] : joined.split(',');
}

function repositoryIn(
  name: string,
  wrong: (what: string) => FairleadError,
): Pick<CatalogEntry, 'registry' | 'repository'> {
  let reference: Reference;
  try {
    reference = parseReference(name);
  } catch (cause) {
    throw new FairleadError('ProfileInvalid', wrong(`invalid repository ${quote(name)}`).message, { cause });
  }
  const { registry, repository, tag, digest } = reference;
  if (tag !== undefined || digest !== undefined) throw wrong(`invalid repository ${quote(name)}`);
  return { registry, repository };
}

function jsonIn<S extends v.GenericSchema>(
  schema: S,
  json: string | undefined,
  what: string,
  wrong: (what: string) => FairleadError,
): v.InferOutput<S> | undefined {
  if (json === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new FairleadError('ProfileInvalid', wrong(`invalid ${what}: not JSON`).message, { cause });
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) throw wrong(`invalid ${what}`);
  return result.output;
}
