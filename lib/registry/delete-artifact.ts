import { FairleadError } from '#lib/errors';
import type { Descriptor } from './descriptor.ts';
import type { Digest } from './digest.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { type Links, linksOf } from './graph.ts';
import { ifThere } from './if-there.ts';
import { isManifestMediaType, manifestBytesLimit } from './manifest.ts';
import type { DeletionPlan } from './plan-deletion.ts';
import type { CallOptions, Collector, Repository } from './target.ts';

/** What a deletion did. */
export interface Deletion {
  /** The manifests that were deleted. */
  readonly deleted: readonly Digest[];
  /** Derived tags that were left, and why. */
  readonly kept: readonly { readonly tag: string; readonly reason: string }[];
}

/** Types of what cosign stores under derived tags: signatures, attestations, bills of materials. */
const attachedTypes = /cosign|dsse|spdx|cyclonedx|syft/i;

/**
 * Deletes what was planned: the artifact first, so that no tag names it when its signatures are
 * removed, then its referrers and what derived tags hold. If it is interrupted, the next deletion
 * of the same digest removes the rest. Something else under a derived tag is not deleted. A
 * repository that can remove blobs then removes those that nothing refers to. Rejects as the
 * repository does, such as with InvalidInput if the registry deletes nothing.
 */
export async function deleteArtifact(
  repository: Repository | (Repository & Collector),
  plan: DeletionPlan,
  options: CallOptions = {},
): Promise<Deletion> {
  const deleted: Digest[] = [];
  const parts: Descriptor[] = [];
  const remove = async (descriptor: Descriptor): Promise<void> => {
    const links = await linksIfThere(repository, descriptor, options);
    if (links === undefined) return;
    parts.push(...links.children);
    await ifThere(repository.delete(descriptor, options));
    deleted.push(descriptor.digest);
  };
  if (plan.artifact !== undefined) await remove(plan.artifact);
  for (const referrer of plan.referrers) await remove(referrer);
  const kept: { tag: string; reason: string }[] = [];
  const removeTag = async (tag: string, digest: Digest): Promise<void> => {
    const left = await ifThere(repository.resolve(tag, { ...options, fromOrigin: true }));
    if (left?.digest !== digest) return;
    await ifThere(repository.untag(tag, options)).catch((error: unknown) => {
      if (!(error instanceof FairleadError) || error.kind !== 'InvalidInput') throw error;
      kept.push({ tag, reason: 'the registry cannot remove it' });
    });
  };
  // Registries exist that keep the tags of a manifest that is deleted, and serve it under them.
  for (const { tag, descriptor } of plan.tags) await removeTag(tag, descriptor.digest);
  const removed = new Set([plan.digest, ...plan.referrers.map(({ digest }) => digest)]);
  for (const { tag } of plan.derivedTags) {
    // The list of referrers has changed with each referrer.
    const descriptor = await ifThere(repository.resolve(tag, { ...options, fromOrigin: true }));
    if (descriptor === undefined) continue;
    const others = plan.shared.get(descriptor.digest) ?? [];
    const links = await linksIfThere(repository, descriptor, options);
    if (others.length === 0 && links !== undefined && isAttachment(tag, links, removed)) {
      await remove(descriptor);
      await removeTag(tag, descriptor.digest);
      continue;
    }
    const reason = others.length > 0 ? `also tagged ${others.join(', ')}` : 'holds something else';
    kept.push({ tag, reason });
  }
  if ('collect' in repository) await repository.collect(parts);
  return { deleted, kept };
}

/**
 * Reports whether what a derived tag holds belongs to what was removed: anyone with push access can
 * put any content there.
 */
function isAttachment(tag: string, { children }: Links, removed: ReadonlySet<Digest>): boolean {
  if (!tag.includes('.')) return children.every(({ digest }) => removed.has(digest));
  // The first part is the config.
  const layers = children.slice(1);
  return layers.length > 0 && layers.every(({ mediaType }) => attachedTypes.test(mediaType));
}

async function linksIfThere(
  repository: Repository,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<Links | undefined> {
  const found = await ifThere(repository.resolve(descriptor.digest, { ...options, fromOrigin: true }));
  if (found === undefined || !isManifestMediaType(found.mediaType)) return undefined;
  const bytes = await ifThere(fetchBytes(repository, descriptor, { ...options, limit: manifestBytesLimit }));
  return bytes && linksOf(found.mediaType, bytes, found.digest);
}
