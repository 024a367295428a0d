import { FairleadError } from '#lib/errors';
import { isDigest } from './digest.ts';
import type { ReadTarget, Target } from './target.ts';

/**
 * Returns a repository that is read through a nearer one, such as a layout directory in front of a
 * registry: content is fetched once by its digest and kept. Tags and referrers change, so the
 * source is always asked for them. A digest that is kept is resolved without the source. A manifest
 * is kept when its blobs are, if the cache takes none without them, as layout directories do.
 */
export function cachedRepository(source: ReadTarget, cache: Target): ReadTarget {
  return {
    async resolve(tagOrDigest, options) {
      if (!isDigest(tagOrDigest)) return source.resolve(tagOrDigest, options);
      try {
        return await cache.resolve(tagOrDigest, options);
      } catch (error) {
        if (error instanceof FairleadError && error.kind === 'NotFound') return source.resolve(tagOrDigest, options);
        throw error;
      }
    },
    async fetch(descriptor, options) {
      try {
        await cache.push(descriptor, () => source.fetch(descriptor, options), options);
      } catch (error) {
        if (error instanceof FairleadError && error.kind === 'Conflict') return source.fetch(descriptor, options);
        throw error;
      }
      return cache.fetch(descriptor, options);
    },
    referrers: (subject, options) => source.referrers(subject, options),
  };
}
