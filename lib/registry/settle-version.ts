import { FairleadError } from '#lib/errors';
import { listTags } from './list-tags.ts';
import type { Reference } from './reference.ts';
import { formatRequested, isRanged, type RequestedReference } from './requested-reference.ts';
import type { CallOptions, TagLister } from './target.ts';
import { newestTag, newestTags, parseRange } from './version-tags.ts';

/** How many of the newest versions an error names. */
const shownVersions = 5;

/**
 * Returns a requested reference with a tag in place of its range: that of the newest version in the
 * range, among the tags that the registry lists at this moment. A reference without a range is
 * returned as it is. Rejects with InvalidInput for an invalid range, before anything is requested;
 * with NotFound, naming the newest versions, if none is in the range; and as `tags` does.
 */
export async function settleVersion(
  requested: RequestedReference,
  lister: TagLister,
  options: CallOptions = {},
): Promise<Reference> {
  if (!isRanged(requested)) return requested;
  const range = parseRange(requested.range);
  const tags = await listTags(lister, options);
  const tag = newestTag(tags, range);
  if (tag === undefined) throw noVersion(formatRequested(requested), tags);
  const { registry, repository } = requested;
  return { registry, repository, tag };
}

function noVersion(name: string, tags: readonly string[]): FairleadError {
  const newest = newestTags(tags, shownVersions);
  const among =
    newest.length === 0 ? 'no tag of the repository is a version' : 'no tag of the repository is in the range';
  return new FairleadError('NotFound', `${name} names no version: ${among}`, {
    hint:
      newest.length === 0
        ? 'Versions are tags such as 1.4.2. To list the tags: fairlead ls REGISTRY/REPOSITORY'
        : `The newest versions are ${newest.join(', ')}. A range includes pre-releases only if it names one.`,
  });
}
