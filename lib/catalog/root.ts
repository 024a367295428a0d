import { FairleadError } from '#lib/errors';
import { type Descriptor, type Index, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseIndex } from '#lib/registry/manifest';
import { quote } from '#lib/text/quote';
import { catalogAnnotations, catalogLimits, catalogMediaTypes, createdAnnotation } from './format.ts';
import { isShardKey } from './shard-key.ts';

/** A shard as the root lists it. */
export interface ListedShard {
  /** The byte that its repositories share, as two hex digits. */
  readonly key: string;
  /** Number of its entries. */
  readonly count: number;
  readonly descriptor: Descriptor;
}

/** The root of a catalog. */
export interface CatalogRoot {
  readonly shards: readonly ListedShard[];
  /** When it was built, RFC 3339, if its builder states that. */
  readonly built?: string;
  /** Identifies the policy under which its builder verified signatures. */
  readonly policy?: string;
}

/** The root of a catalog, as a registry stores it. */
export interface PackedRoot {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/**
 * Packs the root of a catalog. Reproducible: the same shards, time and policy give the same bytes.
 */
export function packRoot({ shards, built, policy }: CatalogRoot): PackedRoot {
  const manifests = shards
    .toSorted((one, other) => (one.key < other.key ? -1 : 1))
    .map(({ key, count, descriptor: { mediaType, digest, size } }) => ({
      mediaType,
      digest,
      size,
      artifactType: catalogMediaTypes.shard,
      annotations: { [catalogAnnotations.entries]: String(count), [catalogAnnotations.shard]: key },
    }));
  const root: Index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    artifactType: catalogMediaTypes.root,
    manifests,
    annotations: {
      ...(policy !== undefined && { [catalogAnnotations.policy]: policy }),
      ...(built !== undefined && { [createdAnnotation]: built }),
    },
  };
  const bytes = new TextEncoder().encode(JSON.stringify(root));
  const { mediaType, artifactType } = root;
  return {
    descriptor: {
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
      ...(artifactType !== undefined && { artifactType }),
    },
    bytes,
  };
}

/**
 * Reads the root of a catalog. Throws ProfileInvalid for an index that is not a catalog, has parts
 * that are not shards (another index, or itself), or has a shard twice; and LimitExceeded for too
 * many entries.
 */
export function parseRoot(bytes: Uint8Array): CatalogRoot {
  const { artifactType, manifests, annotations = {} } = indexIn(bytes);
  if (artifactType !== catalogMediaTypes.root) {
    throw new FairleadError(
      'ProfileInvalid',
      `it is not a catalog: its artifactType is ${quote(artifactType ?? '')}: want ${catalogMediaTypes.root}`,
    );
  }
  const keys = new Set<string>();
  let entries = 0;
  const shards = manifests.map((descriptor) => {
    const shard = listedShard(descriptor);
    if (keys.has(shard.key)) throw new FairleadError('ProfileInvalid', `it has shard ${shard.key} twice`);
    keys.add(shard.key);
    entries += shard.count;
    return shard;
  });
  if (entries > catalogLimits.entries) {
    throw new FairleadError(
      'LimitExceeded',
      `it has ${entries} entries, more than the ${catalogLimits.entries} allowed`,
    );
  }
  const { [createdAnnotation]: built, [catalogAnnotations.policy]: policy } = annotations;
  return {
    shards,
    ...(built !== undefined && !Number.isNaN(Date.parse(built)) && { built }),
    ...(policy !== undefined && { policy }),
  };
}

function indexIn(bytes: Uint8Array): Index {
  try {
    return parseIndex(bytes, 'it', catalogLimits.rootBytes);
  } catch (cause) {
    if (!(cause instanceof FairleadError) || cause.kind === 'LimitExceeded') throw cause;
    throw new FairleadError('ProfileInvalid', cause.message, { cause });
  }
}

function listedShard(descriptor: Descriptor): ListedShard {
  const { mediaType, digest, size, artifactType, annotations = {} } = descriptor;
  if (mediaType !== mediaTypes.manifest) {
    throw new FairleadError(
      'ProfileInvalid',
      `${digest} in it has media type ${quote(mediaType)}: catalogs have no parts but shards`,
    );
  }
  if (artifactType !== undefined && artifactType !== catalogMediaTypes.shard) {
    throw new FairleadError(
      'ProfileInvalid',
      `${digest} in it has artifactType ${quote(artifactType)}: catalogs have no parts but shards`,
    );
  }
  const { [catalogAnnotations.shard]: key = '', [catalogAnnotations.entries]: count = '' } = annotations;
  if (!isShardKey(key)) throw new FairleadError('ProfileInvalid', `invalid key ${quote(key)} of shard ${digest}`);
  if (!/^[0-9]{1,6}$/.test(count)) {
    throw new FairleadError('ProfileInvalid', `invalid number ${quote(count)} of entries of shard ${digest}`);
  }
  return { key, count: Number(count), descriptor: { mediaType, digest, size } };
}
