/**
 * The format of a catalog, see docs/reference/catalog.md. The root is an OCI image index whose
 * manifests are shards; a shard is an image manifest whose only layer is a document with the form
 * of an image index. The layer has a media type of its own, because tools that copy artifacts would
 * take an image index for a part to copy, with the artifacts that it names.
 */
export const catalogMediaTypes = {
  /** artifactType of the root. */
  root: 'application/vnd.fairlead.catalog.v1+json',
  /** artifactType of a shard. */
  shard: 'application/vnd.fairlead.catalog.shard.v1+json',
  /** Media type of the layer of a shard. */
  entries: 'application/vnd.fairlead.catalog.entries.v1+json',
} as const;

/** What begins the keys that only builders of catalogs write. */
export const catalogPrefix = 'dev.fairlead.catalog.';

/** Annotations in a catalog. Those of an artifact are beside them under their own keys. */
export const catalogAnnotations = {
  /** Of a shard in the root: the byte that its repositories share, as two hex digits. */
  shard: `${catalogPrefix}shard`,
  /** Of a shard in the root: the number of its entries. */
  entries: `${catalogPrefix}entries`,
  /** Of the root: identifies the policy under which signatures were verified. */
  policy: `${catalogPrefix}policy`,
  /** Of an entry: `registry/repository`. */
  repository: `${catalogPrefix}repository`,
  /** Of an entry: its tags, separated by commas. */
  tags: `${catalogPrefix}tags`,
  /** Of an entry: the kind of the profile. */
  kind: `${catalogPrefix}kind`,
  /** Of an entry: architectures by the names of Go, separated by commas. */
  architectures: `${catalogPrefix}architectures`,
  /** Of an entry: the digest of the image that it is attached to. */
  subject: `${catalogPrefix}subject`,
  /** Of an entry: its verified signers, a JSON list. */
  signers: `${catalogPrefix}signers`,
  /** Of an entry: the system calls that a seccomp profile leaves, a JSON object. */
  calls: `${catalogPrefix}calls`,
} as const;

/** The annotation of a root with the time when it was built. */
export const createdAnnotation = 'org.opencontainers.image.created';

/** Limits of what is read as a catalog. */
export const catalogLimits = {
  rootBytes: 4 * 1024 * 1024,
  shardBytes: 8 * 1024 * 1024,
  /** Of all shards together. */
  totalBytes: 256 * 1024 * 1024,
  entries: 100_000,
  tagsOfEntry: 1000,
  signersOfEntry: 64,
  annotationsOfEntry: 64,
  annotationLength: 4096,
} as const;
