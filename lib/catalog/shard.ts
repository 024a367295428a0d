import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { parseIndex, parseManifest } from '#lib/registry/manifest';
import { formatRepository } from '#lib/registry/reference';
import { hasFewValues } from '#lib/text/few-values';
import { quote } from '#lib/text/quote';
import type { CatalogEntry } from './entry.ts';
import { entryDescriptor, parseEntry } from './entry-descriptor.ts';
import { catalogLimits, catalogMediaTypes } from './format.ts';
import { shardKey } from './shard-key.ts';

/** Most values of JSON that an entry has, for a layer that would take much memory to parse. */
const valuesOfEntry = 100;

/**
 * Packs the entries of one shard. Reproducible: the same entries give the same bytes, in whichever
 * order they are. Throws LimitExceeded for a shard that readers would refuse.
 */
export function packShard(entries: readonly CatalogEntry[]): Artifact {
  const manifests = entries.toSorted(compareEntries).map(entryDescriptor);
  const document = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  if (bytes.length > catalogLimits.shardBytes) {
    const [first] = entries;
    throw new FairleadError(
      'LimitExceeded',
      `the shard with ${first === undefined ? 'no repository' : formatRepository(first)} has ${bytes.length} bytes, more than the ${catalogLimits.shardBytes} allowed`,
      { hint: 'Divide the repositories between several catalogs, or delete old versions.' },
    );
  }
  const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
  const layer = blob(catalogMediaTypes.entries, bytes);
  return assembleArtifact(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: catalogMediaTypes.shard,
      config: config.descriptor,
      layers: [layer.descriptor],
    },
    [config, layer],
  );
}

/** Compares entries by repository, then by digest: the order in a catalog. */
export function compareEntries(one: CatalogEntry, other: CatalogEntry): number {
  const [name, otherName] = [formatRepository(one), formatRepository(other)];
  if (name !== otherName) return name < otherName ? -1 : 1;
  const [digest, otherDigest] = [one.descriptor.digest, other.descriptor.digest];
  return digest === otherDigest ? 0 : digest < otherDigest ? -1 : 1;
}

/**
 * Reads the manifest of a shard, and returns the descriptor of its layer. Throws ProfileInvalid for
 * anything else, and LimitExceeded for a layer that is too large.
 */
export function parseShardManifest(bytes: Uint8Array): Descriptor {
  const { artifactType, layers } = manifestIn(bytes);
  if (artifactType !== catalogMediaTypes.shard) {
    throw invalid(`its artifactType is ${quote(artifactType ?? '')}: want ${catalogMediaTypes.shard}`);
  }
  const [layer, ...more] = layers;
  if (layer === undefined || more.length > 0) throw invalid(`it has ${layers.length} layers: want exactly one`);
  if (layer.mediaType !== catalogMediaTypes.entries) {
    throw invalid(`its layer has media type ${quote(layer.mediaType)}: want ${catalogMediaTypes.entries}`);
  }
  if (layer.size > catalogLimits.shardBytes) {
    throw new FairleadError(
      'LimitExceeded',
      `it has ${layer.size} bytes, more than the ${catalogLimits.shardBytes} allowed`,
    );
  }
  return layer;
}

/**
 * Reads the layer of a shard. Throws ProfileInvalid for a layer that is malformed, that has another
 * number of entries than the root states, an entry twice, or one that belongs to another shard.
 */
export function parseShardEntries(
  bytes: Uint8Array,
  { key, count }: { readonly key: string; readonly count: number },
): readonly CatalogEntry[] {
  if (!hasFewValues(bytes, (count + 1) * valuesOfEntry)) throw invalid(`it has more than ${count} entries`);
  const listed = indexIn(bytes);
  if (listed.length !== count) throw invalid(`it has ${listed.length} entries, but the root states ${count}`);
  const seen = new Set<string>();
  return listed.map((descriptor) => {
    const entry = parseEntry(descriptor);
    const name = formatRepository(entry);
    if (shardKey(entry) !== key) throw invalid(`it has an entry of ${name}, which belongs to shard ${shardKey(entry)}`);
    const id = `${name}@${descriptor.digest}`;
    if (seen.has(id)) throw invalid(`it has the entry ${id} twice`);
    seen.add(id);
    return entry;
  });
}

function manifestIn(bytes: Uint8Array): Manifest {
  try {
    return parseManifest(bytes, 'its manifest');
  } catch (cause) {
    throw invalidBy(cause);
  }
}

function indexIn(bytes: Uint8Array): readonly Descriptor[] {
  try {
    return parseIndex(bytes, 'its layer', catalogLimits.shardBytes).manifests;
  } catch (cause) {
    throw invalidBy(cause);
  }
}

function invalid(what: string): FairleadError {
  return new FairleadError('ProfileInvalid', what);
}

function invalidBy(cause: unknown): unknown {
  return cause instanceof FairleadError ? new FairleadError('ProfileInvalid', cause.message, { cause }) : cause;
}
