import { createHash } from 'node:crypto';
import { formatRepository, type Reference } from '#lib/registry/reference';

/**
 * Returns the key of the shard that has all entries of a repository: the first byte of the SHA-256
 * of `registry/repository`, as two hex digits. A change of a repository so writes one shard.
 */
export function shardKey(repository: Pick<Reference, 'registry' | 'repository'>): string {
  return createHash('sha256').update(formatRepository(repository)).digest('hex').slice(0, 2);
}

/** Reports whether a text is the key of a shard. */
export function isShardKey(text: string): boolean {
  return /^[0-9a-f]{2}$/.test(text);
}
