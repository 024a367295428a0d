import { forEachOf } from '#lib/concurrency/for-each-of';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from './descriptor.ts';
import { type Digest, digestParts } from './digest.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { linksOf } from './graph.ts';
import { ifThere } from './if-there.ts';
import { listTags } from './list-tags.ts';
import { isManifestMediaType, manifestBytesLimit } from './manifest.ts';
import { isReservedTag } from './reserved-tag.ts';
import type { CallOptions, LookupOptions, Repository } from './target.ts';

/** What is deleted with an artifact, and what in the repository would miss it. */
export interface DeletionPlan {
  readonly digest: Digest;
  /** The artifact; undefined if an earlier deletion that was interrupted has removed it. */
  readonly artifact: Descriptor | undefined;
  /** Its signatures and other referrers of every level. */
  readonly referrers: readonly Descriptor[];
  /** Tags that are derived from the digests of these, and what they hold. */
  readonly derivedTags: readonly HeldTag[];
  /** The other tags that name the artifact or one of its referrers. */
  readonly tags: readonly HeldTag[];
  /** The tags of what derived tags hold, if other tags name it as well. */
  readonly shared: ReadonlyMap<Digest, readonly string[]>;
  /** Tagged indexes that the artifact or one of its referrers is a part of. */
  readonly indexes: readonly HeldTag[];
}

/** A tag and what it names. */
export interface HeldTag {
  readonly tag: string;
  readonly descriptor: Descriptor;
}

/** Requests at the same time. */
const atOnce = 12;
/** Deepest level of referrers and of indexes in indexes, and most manifests of one deletion. */
const depthLimit = 16;
const manifestsLimit = 10_000;

/**
 * Finds what a deletion of an artifact removes: the artifact, its referrers, and the tags that are
 * derived from their digests. Lists of referrers are only claims: a manifest is a referrer if it
 * says so itself. Also finds the tags and indexes that would lose content. Rejects with NotFound if
 * there is nothing to delete, and with LimitExceeded over 10,000 manifests.
 */
export async function planDeletion(
  repository: Repository,
  digest: Digest,
  options: CallOptions = {},
): Promise<DeletionPlan> {
  const call = { ...options, fromOrigin: true };
  const [artifact, held] = await Promise.all([
    ifThere(repository.resolve(digest, call)),
    resolveTags(repository, call),
  ]);
  const subject = artifact ?? { mediaType: mediaTypes.manifest, digest, size: 0 };
  const referrers = await findReferrers(repository, subject, call);
  const removed = new Set([digest, ...referrers.map((each) => each.digest)]);
  const derivedTags = held.filter(({ tag }) => isReservedTag(tag) && [...removed].some((each) => isOf(tag, each)));
  if (artifact === undefined && referrers.length === 0 && derivedTags.length === 0) {
    throw new FairleadError('NotFound', `no artifact ${digest}`, {
      hint: 'Check the repository and the digest: it may have been deleted.',
    });
  }
  const indexes = await indexesWith(repository, held, removed, call);
  const tags = held.filter((each) => removed.has(each.descriptor.digest) && !derivedTags.includes(each));
  const shared = new Map<Digest, string[]>();
  for (const { descriptor } of derivedTags) {
    const others = held.filter((each) => each.descriptor.digest === descriptor.digest && !derivedTags.includes(each));
    if (others.length > 0)
      shared.set(
        descriptor.digest,
        others.map(({ tag }) => tag),
      );
  }
  return { digest, artifact, referrers, derivedTags, shared, tags, indexes };
}

async function resolveTags(repository: Repository, call: LookupOptions): Promise<HeldTag[]> {
  const tags = await listTags(repository, call);
  const held: HeldTag[] = [];
  await forEachOf(tags.sort(), atOnce, async (tag) => {
    const descriptor = await ifThere(repository.resolve(tag, call));
    if (descriptor !== undefined) held.push({ tag, descriptor });
  });
  return held.sort((one, other) => (one.tag < other.tag ? -1 : 1));
}

/** Finds the referrers of a subject, and theirs. */
async function findReferrers(repository: Repository, subject: Descriptor, call: LookupOptions): Promise<Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  let level = [subject];
  for (let depth = 0; level.length > 0 && depth < depthLimit; depth++) {
    const next: Descriptor[] = [];
    await forEachOf(level, atOnce, async (each) => {
      for (const listed of await repository.referrers(each, call)) {
        if (listed.digest === subject.digest || found.has(listed.digest)) continue;
        if (!(await refersTo(repository, listed, each, call)) || found.has(listed.digest)) continue;
        if (found.size >= manifestsLimit) {
          throw new FairleadError('LimitExceeded', `${subject.digest} has more than ${manifestsLimit} referrers`);
        }
        found.set(listed.digest, listed);
        next.push(listed);
      }
    });
    level = next;
  }
  return [...found.values()].sort((one, other) => (one.digest < other.digest ? -1 : 1));
}

/** Reports whether a manifest exists and names its subject itself. */
async function refersTo(
  repository: Repository,
  { digest }: Descriptor,
  subject: Descriptor,
  call: LookupOptions,
): Promise<boolean> {
  const links = await linksIfThere(repository, digest, call);
  return links?.subject?.digest === subject.digest;
}

async function linksIfThere(repository: Repository, digest: Digest, call: LookupOptions) {
  try {
    // The list may state another size or type than the manifest has.
    const descriptor = await repository.resolve(digest, call);
    const bytes = await fetchBytes(repository, descriptor, { ...call, limit: manifestBytesLimit });
    return linksOf(descriptor.mediaType, bytes, digest);
  } catch (error) {
    const unusable = error instanceof FairleadError && (error.kind === 'NotFound' || error.kind === 'InvalidInput');
    if (unusable) return undefined;
    throw error;
  }
}

/** Reports whether a reserved tag is derived from a digest, with any suffix. */
function isOf(tag: string, digest: Digest): boolean {
  const { algorithm, hex } = digestParts(digest);
  const name = `${algorithm}-${hex}`;
  const [stem = ''] = tag.toLowerCase().split('.');
  return stem === name || stem === name.slice(0, algorithm.length + 1 + 64);
}

/** Finds the tagged indexes that list one of some digests, at any level. */
async function indexesWith(
  repository: Repository,
  held: readonly HeldTag[],
  removed: ReadonlySet<Digest>,
  call: LookupOptions,
): Promise<HeldTag[]> {
  const contains = new Map<Digest, Promise<boolean>>();
  const search = async ({ mediaType, digest }: Descriptor, depth: number): Promise<boolean> => {
    if (mediaType === mediaTypes.manifest || !isManifestMediaType(mediaType) || depth > depthLimit) return false;
    const links = await linksIfThere(repository, digest, call);
    for (const child of links?.children ?? []) {
      if (removed.has(child.digest)) return true;
      const known = contains.get(child.digest) ?? search(child, depth + 1);
      contains.set(child.digest, known);
      if (await known) return true;
    }
    return false;
  };
  const found: HeldTag[] = [];
  await forEachOf(held, atOnce, async (each) => {
    if (isReservedTag(each.tag) || removed.has(each.descriptor.digest)) return;
    if (await search(each.descriptor, 0)) found.push(each);
  });
  return found.sort((one, other) => (one.tag < other.tag ? -1 : 1));
}
