import { contentBytes } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import { ifThere } from './if-there.ts';
import { listTags } from './list-tags.ts';
import { pushTagged } from './one-request.ts';
import { refuseReservedTag } from './reserved-tag.ts';
import type { CallOptions, Repository } from './target.ts';

/** What the removal of a tag did. */
export interface RemovedTag {
  /** What the tag named, which is still there. */
  readonly descriptor: Descriptor;
  /** Tags that the registry removed with it, and that were set again. */
  readonly restored: readonly string[];
}

/**
 * Removes a tag, and nothing else (distribution-spec, "Deleting tags"). Registries exist that
 * delete the manifest with all of its tags instead: then the manifest and the other tags are pushed
 * again. Rejects with NotFound if there is no such tag, and with InvalidInput if the registry
 * cannot remove single tags, or for a reserved tag.
 */
export async function removeTag(repository: Repository, tag: string, options: CallOptions = {}): Promise<RemovedTag> {
  refuseReservedTag(tag);
  const call = { ...options, fromOrigin: true };
  const descriptor = await repository.resolve(tag, call);
  const bytes = await contentBytes(descriptor, () => repository.fetch(descriptor, options), tag);
  const before = await listTags(repository, options);
  await repository.untag(tag, options);
  // A registry may remove the repository with its last tag.
  const after = new Set(await ifThere(listTags(repository, options)));
  const lost = before.filter((each) => each !== tag && !after.has(each));
  const isThere = await repository.exists(descriptor, options);
  if (!isThere) await repository.push(descriptor, bytes, options);
  for (const each of isThere ? [] : lost) await pushTagged(repository, descriptor, bytes, each, options);
  return { descriptor, restored: isThere ? [] : lost };
}
