import type { Artifact } from '#lib/artifact/artifact';
import { FairleadError } from '#lib/errors';
import { formatRepository } from '#lib/registry/reference';
import type { RefusedSource } from './candidates.ts';
import type { CatalogEntry } from './entry.ts';
import { catalogLimits } from './format.ts';
import { packShard } from './shard.ts';
import { shardKey } from './shard-key.ts';

/** A shard that is packed, and what it has. */
export interface PackedShard {
  readonly key: string;
  readonly entries: readonly CatalogEntry[];
  readonly artifact: Artifact;
}

/**
 * Packs the shards of a catalog. The repository with the most entries of a shard that readers would
 * refuse for its size is left out, and reported: who publishes to one repository must not keep all
 * others from being listed. Throws LimitExceeded for shards that are too large together.
 */
export function packShards(entries: readonly CatalogEntry[]): {
  readonly shards: readonly PackedShard[];
  readonly refused: readonly RefusedSource[];
} {
  const refused: RefusedSource[] = [];
  const shards = [...Map.groupBy(entries, shardKey)].flatMap(([key, of]) => packFitting(key, of, refused) ?? []);
  const bytes = shards
    .flatMap(({ artifact: { manifest } }) => manifest.layers)
    .reduce((sum, { size }) => sum + size, 0);
  if (bytes <= catalogLimits.totalBytes) return { shards, refused };
  throw new FairleadError(
    'LimitExceeded',
    `the shards have ${bytes} bytes, more than the ${catalogLimits.totalBytes} allowed in a catalog`,
    { hint: 'Divide the sources between several catalogs.' },
  );
}

function packFitting(key: string, entries: readonly CatalogEntry[], refused: RefusedSource[]): PackedShard | undefined {
  const repositories = [...Map.groupBy(entries, formatRepository).values()];
  const [largest, ...others] = repositories.sort((one, other) => other.length - one.length);
  const first = largest?.[0];
  if (first === undefined) return undefined;
  try {
    return { key, entries, artifact: packShard(entries) };
  } catch (error) {
    if (!(error instanceof FairleadError) || error.kind !== 'LimitExceeded') throw error;
    const { registry, repository } = first;
    refused.push({ reference: { registry, repository }, error });
    return packFitting(key, others.flat(), refused);
  }
}
