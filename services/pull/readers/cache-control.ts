import type { Readers } from './readers.ts';

/**
 * Seconds for which caches may keep what a digest names. The content cannot change, but the policy
 * can: what it comes to refuse is served by caches for that time at most.
 */
const pinnedSeconds = 600;

/**
 * Returns the Cache-Control header of an answer. A tag may point elsewhere tomorrow: caches must
 * ask again. Shared caches keep nothing that only some readers may read.
 */
export function cacheControl(pinned: boolean, { areAnonymous }: Pick<Readers, 'areAnonymous'>): string {
  const scope = areAnonymous ? 'public' : 'private';
  if (pinned) return `${scope}, max-age=${pinnedSeconds}, immutable`;
  return areAnonymous ? 'no-cache' : 'private, no-cache';
}
