import { FairleadError } from '#lib/errors';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { CallOptions, TagLister, Target } from '#lib/registry/target';
import { readTags } from './held-tags.ts';
import type { PublicationPlan, PublishRequest, TagChange } from './publication.ts';

/**
 * Writes the tags of a publication: the requested tag, or that of the whole version first and then
 * those that stand for more versions. Registries have no compare-and-swap for tags, and a newer
 * version may be published meanwhile. Its publisher has written the tag of its version before the
 * tags that both move. Therefore the tags are read again afterwards, and set to the newer version
 * if there is one. Returns what happened to each tag. Throws Conflict if a condition was checked on
 * what a tag held, and another publisher has written it meanwhile.
 */
export async function moveTags(
  { artifact: { descriptor }, reference, tags }: PublicationPlan,
  request: PublishRequest,
  target: Target & TagLister,
  options: CallOptions,
): Promise<readonly TagChange[]> {
  if (request.overwrite === false || request.failOn !== undefined)
    await refuseChanged(tags, reference, target, options);
  const [first] = tags;
  const moving = tags.filter(({ change }) => change === 'created' || change === 'moved');
  for (const { tag } of moving) await target.tag(descriptor, tag, options);
  const isAlone = moving.every(({ tag }) => tag === first?.tag);
  if (request.version === undefined || request.allowOlder || isAlone) return tags;
  return settle(tags, request, target, options);
}

/** Throws Conflict if a tag that is about to be written holds something else than was planned. */
async function refuseChanged(
  tags: readonly TagChange[],
  reference: Reference,
  target: Target & TagLister,
  options: CallOptions,
): Promise<void> {
  for (const { tag, holds, change } of tags) {
    if (change !== 'created' && change !== 'moved') continue;
    const { held } = await readTags({ reference: { ...reference, tag } }, target, options);
    if (held[0]?.holds?.digest === holds) continue;
    throw new FairleadError(
      'Conflict',
      `sent, but not tagged: another publisher has written ${formatRepository(reference)}:${tag} meanwhile`,
      { hint: 'Run the same command again, to compare with what the tag holds now.' },
    );
  }
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
