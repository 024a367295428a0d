import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { shorten } from '#lib/text/quote';
import { type Descriptor, type Index, type Manifest, mediaTypes } from './descriptor.ts';
import { isDigest } from './digest.ts';

/**
 * Most bytes that a manifest or index may have (distribution-spec: registries should accept 4 MiB).
 */
export const manifestBytesLimit = 4 * 1024 * 1024;

/** Most characters of a message about what is wrong with a document. */
const reasonLimit = 400;

/**
 * Also with parameters, although image-spec has none: Sigstore's older bundles are
 * `application/vnd.dev.sigstore.bundle+json;version=0.3`.
 */
const mediaType = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:; ?[A-Za-z0-9_.-]{1,64}=[A-Za-z0-9_.+-]{1,64}){0,4}$/,
  ),
);
const annotations = v.record(v.string(), v.string());
const urls = v.custom<readonly string[]>(
  (value) => Array.isArray(value) && value.every((url) => typeof url === 'string'),
  'invalid URLs: want a list of texts',
);

/**
 * A descriptor in JSON that others wrote (image-spec, descriptor.md). Unknown fields are dropped.
 */
export const descriptorSchema = v.object({
  mediaType,
  digest: v.custom<Descriptor['digest']>((value) => typeof value === 'string' && isDigest(value), 'invalid digest'),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  artifactType: v.exactOptional(v.string()),
  annotations: v.exactOptional(annotations),
  urls: v.exactOptional(urls),
  platform: v.exactOptional(
    v.object({
      architecture: v.optional(v.string(), ''),
      os: v.optional(v.string(), ''),
      variant: v.exactOptional(v.string()),
      'os.version': v.exactOptional(v.string()),
    }),
  ),
});

const manifestFields = {
  schemaVersion: v.literal(2),
  artifactType: v.exactOptional(v.string()),
  config: descriptorSchema,
  layers: v.array(descriptorSchema),
  subject: v.exactOptional(descriptorSchema),
  annotations: v.exactOptional(annotations),
};

const indexFields = {
  schemaVersion: v.literal(2),
  artifactType: v.exactOptional(v.string()),
  manifests: v.array(descriptorSchema),
  subject: v.exactOptional(descriptorSchema),
  annotations: v.exactOptional(annotations),
};

const dockerManifest = 'application/vnd.docker.distribution.manifest.v2+json';
const dockerList = 'application/vnd.docker.distribution.manifest.list.v2+json';

/** image-spec allows a manifest without mediaType; the parsed value always has it. */
const manifestSchema = v.object({
  mediaType: v.optional(v.literal(mediaTypes.manifest), mediaTypes.manifest),
  ...manifestFields,
});
const indexSchema = v.object({
  mediaType: v.optional(v.literal(mediaTypes.index), mediaTypes.index),
  ...indexFields,
});

/**
 * Media types of content that a registry stores as manifests, not as blobs. Docker's are included
 * because registries still contain them.
 */
const schemas = {
  [mediaTypes.manifest]: manifestSchema,
  [mediaTypes.index]: indexSchema,
  [dockerManifest]: v.object({ mediaType: v.literal(dockerManifest), ...manifestFields }),
  [dockerList]: v.object({ mediaType: v.literal(dockerList), ...indexFields }),
};

/** The `Accept` header for manifests. */
export const acceptManifests: string = Object.keys(schemas).join(', ');

/**
 * Reports whether content of this media type is a manifest or index: it is under /manifests/ and
 * can be tagged.
 */
export function isManifestMediaType(type: string): type is keyof typeof schemas {
  return Object.hasOwn(schemas, type);
}

/**
 * Reads an OCI image manifest (image-spec 1.1, manifest.md). The bytes remain the identity of the
 * manifest; the value has only the fields that we know. `name` identifies the manifest in errors.
 * Throws InvalidInput that names the wrong field, and LimitExceeded over 4 MiB.
 */
export function parseManifest(bytes: Uint8Array, name = 'manifest'): Manifest {
  return parseWith(manifestSchema, bytes, name, 'an OCI image manifest', manifestBytesLimit);
}

/**
 * Reads an OCI image index (image-spec 1.1, image-index.md), as {@link parseManifest} does. `limit`
 * is in bytes, 4 MiB by default.
 */
export function parseIndex(bytes: Uint8Array, name = 'index', limit = manifestBytesLimit): Index {
  return parseWith(indexSchema, bytes, name, 'an OCI image index', limit);
}

/**
 * Reads the entries of a list that anyone may have written, such as the referrers of a manifest.
 * Entries that are not descriptors are dropped, and the rest of the document is ignored. Throws
 * InvalidInput if it has no list of entries, and LimitExceeded over `limit` bytes.
 */
export function parseEntries(
  bytes: Uint8Array,
  name: string,
  expected: string,
  limit = manifestBytesLimit,
): Descriptor[] {
  const json = parseJson(bytes, name, expected, limit);
  const entries = typeof json === 'object' && json !== null && 'manifests' in json ? json.manifests : undefined;
  if (!Array.isArray(entries))
    throw new FairleadError('InvalidInput', `${name}: is not ${expected}: it has no list of manifests`);
  return entries.flatMap((entry: unknown) => {
    const result = v.safeParse(descriptorSchema, entry, { abortEarly: true });
    return result.success ? [result.output] : [];
  });
}

/**
 * Reads a manifest or index of any media type that isManifestMediaType accepts, including Docker's.
 * Throws as {@link parseManifest} does.
 */
export function parseAnyManifest(
  mediaType: keyof typeof schemas,
  bytes: Uint8Array,
  name: string,
): v.InferOutput<(typeof schemas)[keyof typeof schemas]> {
  return parseWith(schemas[mediaType], bytes, name, `a manifest of type ${mediaType}`, manifestBytesLimit);
}

function parseWith<S extends v.GenericSchema>(
  schema: S,
  bytes: Uint8Array,
  name: string,
  expected: string,
  limit: number,
): v.InferOutput<S> {
  const result = v.safeParse(schema, parseJson(bytes, name, expected, limit), { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue) ?? 'the document';
  // The issue quotes the whole value.
  const reason = `${path}: ${issue.message}`;
  const shown = shorten(reason, reasonLimit);
  throw new FairleadError('InvalidInput', `${name}: is not ${expected}: ${shown}`);
}

/** Parses JSON of at most `limit` bytes, without its nulls. */
function parseJson(bytes: Uint8Array, name: string, expected: string, limit: number): unknown {
  if (bytes.length > limit) {
    throw new FairleadError('LimitExceeded', `${name}: has ${bytes.length} bytes, more than the ${limit} allowed`);
  }
  try {
    return withoutNulls(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), 4);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${name}: is not ${expected}: invalid JSON`, { cause });
  }
}

/**
 * Removes nulls from a parsed document, as Go reads it, in which most registries and tools are
 * written: a null field is read as absent, a null list as empty. `depth` is the number of levels
 * that are searched; all fields that we read are in the first four.
 */
function withoutNulls(json: unknown, depth: number): unknown {
  if (typeof json !== 'object' || json === null || depth === 0) return json;
  if (Array.isArray(json)) return json.map((item: unknown) => withoutNulls(item, depth - 1));
  const kept = Object.entries(json).map(([key, value]: [string, unknown]) => {
    if (value === null && (key === 'layers' || key === 'manifests')) return [key, []] as const;
    return [key, withoutNulls(value, depth - 1)] as const;
  });
  return Object.fromEntries(kept.filter(([, value]) => value !== null));
}
