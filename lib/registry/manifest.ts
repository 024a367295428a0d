import * as v from 'valibot';
import { FairleadError } from '#lib/errors';
import { type Descriptor, type Index, type Manifest, mediaTypes } from './descriptor.ts';
import { isDigest } from './digest.ts';

/**
 * Most bytes that a manifest or index may have (distribution-spec: registries should accept 4 MiB).
 */
export const manifestBytesLimit = 4 * 1024 * 1024;

/** Most characters of a message about what is wrong with a document. */
const reasonLimit = 400;

/**
 * With parameters too, though image-spec has none: Sigstore's older bundles are
 * `application/vnd.dev.sigstore.bundle+json;version=0.3`.
 */
const mediaType = v.pipe(
  v.string(),
  v.regex(
    /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:; ?[A-Za-z0-9_.-]{1,64}=[A-Za-z0-9_.+-]{1,64}){0,4}$/,
  ),
);
const annotations = v.record(v.string(), v.string());

/**
 * A descriptor as it stands in JSON of others (image-spec, descriptor.md). Fields that we do not
 * know are left out of the value.
 */
export const descriptorSchema = v.object({
  mediaType,
  digest: v.custom<Descriptor['digest']>((value) => typeof value === 'string' && isDigest(value), 'not a digest'),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  artifactType: v.exactOptional(v.string()),
  annotations: v.exactOptional(annotations),
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

/** image-spec lets a manifest leave its mediaType out; the value then has it all the same. */
const manifestSchema = v.object({
  mediaType: v.optional(v.literal(mediaTypes.manifest), mediaTypes.manifest),
  ...manifestFields,
});
const indexSchema = v.object({
  mediaType: v.optional(v.literal(mediaTypes.index), mediaTypes.index),
  ...indexFields,
});

/**
 * Media types of content that a registry keeps as manifests, not blobs; Docker's are read because
 * registries still hold them.
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
 * Says whether content of this media type is a manifest or index, and so lives under /manifests/
 * and may be tagged.
 */
export function isManifestMediaType(type: string): type is keyof typeof schemas {
  return Object.hasOwn(schemas, type);
}

/**
 * Reads an OCI image manifest (image-spec 1.1, manifest.md). The bytes stay the identity of the
 * manifest; the value has only the fields that we know. `name` says in errors what it is of. Throws
 * InvalidInput that names the field at fault, LimitExceeded over 4 MiB.
 */
export function parseManifest(bytes: Uint8Array, name = 'manifest'): Manifest {
  return parseWith(manifestSchema, bytes, name, 'an OCI image manifest', manifestBytesLimit);
}

/**
 * Reads an OCI image index (image-spec 1.1, image-index.md), as {@link parseManifest} does. `limit`
 * in bytes is 4 MiB unless told.
 */
export function parseIndex(bytes: Uint8Array, name = 'index', limit = manifestBytesLimit): Index {
  return parseWith(indexSchema, bytes, name, 'an OCI image index', limit);
}

/**
 * Reads the entries of a list that anybody may have written, such as the referrers of a manifest:
 * those that are descriptors. What else the document says plays no part. Throws InvalidInput where
 * it has no list of entries at all, LimitExceeded over `limit` bytes.
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
    throw new FairleadError('InvalidInput', `${name}: is not ${expected}: it lists no manifests`);
  return entries.flatMap((entry: unknown) => {
    const result = v.safeParse(descriptorSchema, entry, { abortEarly: true });
    return result.success ? [result.output] : [];
  });
}

/**
 * Reads a manifest or index of any kind that isManifestMediaType knows, Docker's included. Throws
 * as {@link parseManifest} does.
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
  // It quotes what stands there, whole.
  const reason = `${path}: ${issue.message}`;
  const shown = reason.length > reasonLimit ? `${reason.slice(0, reasonLimit)}…` : reason;
  throw new FairleadError('InvalidInput', `${name}: is not ${expected}: ${shown}`);
}

/** Reads JSON within a limit of bytes; what is null in it is left out. */
function parseJson(bytes: Uint8Array, name: string, expected: string, limit: number): unknown {
  if (bytes.length > limit) {
    throw new FairleadError('LimitExceeded', `${name}: has ${bytes.length} bytes, more than the ${limit} allowed`);
  }
  try {
    return withoutNulls(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)), 4);
  } catch (cause) {
    throw new FairleadError('InvalidInput', `${name}: is not ${expected}: not JSON`, { cause });
  }
}

/**
 * Leaves out of a parsed document what is null, as Go does, in which most registries and tools are
 * written: a field is then as good as absent, a list empty. `depth` is how many levels are looked
 * at; what is of interest lies in the first four.
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
