import { FairleadError } from '#lib/errors';
import { formatRepository } from '#lib/registry/reference';
import type { CallOptions, TagLister, Target } from '#lib/registry/target';
import { readTags } from './held-tags.ts';
import type { PublicationPlan, PublishRequest, TagChange } from './publication.ts';

/**
 * Writes the tags of a publication: the requested tag, or that of the whole version first and then
 * those that stand for more versions. Registries have no compare-and-swap for tags, and a newer
 * version may be published meanwhile. Its publisher has written the tag of its version before the
 * tags that both move. Therefore the tags are read again afterwards, and set to the newer version
 * if there is one. Returns what happened to each tag. Throws Conflict if `overwrite` is false and
 * another publisher wrote the first tag meanwhile.
 */
export async function moveTags(
  { artifact: { descriptor }, reference, tags }: PublicationPlan,
  request: PublishRequest,
  target: Target & TagLister,
  options: CallOptions,
): Promise<readonly TagChange[]> {
  const [first] = tags;
  if (request.overwrite === false && first?.change === 'created') {
    const { held } = await readTags({ reference: { ...reference, tag: first.tag } }, target, options);
    const holds = held[0]?.holds?.digest;
    if (holds !== undefined && holds !== descriptor.digest) {
      throw new FairleadError(
        'Conflict',
        `sent, but not tagged: another publisher has written ${formatRepository(reference)}:${first.tag} meanwhile`,
        { hint: 'Publish under another tag or version.' },
      );
    }
  }
  const moving = tags.filter(({ change }) => change === 'created' || change === 'moved');
  for (const { tag } of moving) await target.tag(descriptor, tag, options);
  if (request.version === undefined || request.allowOlder || moving.length < 2) return tags;
  return settle(tags, request, target, options);
}

/** Sets tags that a newer version had been given meanwhile to that version again. */
async function settle(
  tags: readonly TagChange[],
  request: PublishRequest,
  target: Target & TagLister,
  options: CallOptions,
): Promise<readonly TagChange[]> {
  const { held } = await readTags(request, target, options);
  const newerOf = new Map(held.flatMap(({ tag, newer }) => (newer === undefined ? [] : [[tag, newer] as const])));
  const settled: TagChange[] = [];
  for (const change of tags) {
    const newer = newerOf.get(change.tag);
    if (newer === undefined || change.change === 'kept') {
      settled.push(change);
      continue;
    }
    await target.tag(await target.resolve(newer, { ...options, fromOrigin: true }), change.tag, options);
    settled.push({ ...change, change: 'kept', newer });
  }
  return settled;
}
