import { openContent } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { CallOptions, Pusher, ReadTarget, Resolver, Tagger } from './target.ts';

/**
 * A manifest by its name: what it is and, where they came along, its bytes, which are those of the
 * descriptor.
 */
export interface ResolvedManifest {
  readonly descriptor: Descriptor;
  readonly bytes?: Uint8Array;
}

/** A repository that can bring a manifest along while it resolves its name. */
export interface ManifestResolver {
  /** Turns a tag or digest into a descriptor and its content. Rejects as resolve and fetch do. */
  resolveManifest(tagOrDigest: string, options?: CallOptions): Promise<Required<ResolvedManifest>>;
}

/** A repository that can push a manifest under a tag. */
export interface TaggedPusher {
  /**
   * Pushes a manifest under a tag. What it is made of must be there. Rejects as push and tag do.
   */
  pushTagged(descriptor: Descriptor, bytes: Uint8Array, tag: string, options?: CallOptions): Promise<void>;
}

/** Resolves a name, with the manifest where the source gives both in one request. */
export async function resolveManifest(
  source: Resolver | (Resolver & ManifestResolver),
  tagOrDigest: string,
  options: CallOptions,
): Promise<ResolvedManifest> {
  if ('resolveManifest' in source) return source.resolveManifest(tagOrDigest, options);
  return { descriptor: await source.resolve(tagOrDigest, options) };
}

/**
 * The same source, which is asked no more for what came along when a name was resolved: the
 * descriptor of the digest, and the manifest where its bytes came too.
 */
export function withManifest(source: ReadTarget, { descriptor, bytes }: ResolvedManifest): ReadTarget {
  return {
    resolve: async (tagOrDigest, options) =>
      tagOrDigest === descriptor.digest ? descriptor : source.resolve(tagOrDigest, options),
    referrers: (subject, options) => source.referrers(subject, options),
    fetch: async (wanted, options) =>
      bytes !== undefined && wanted.digest === descriptor.digest
        ? openContent(wanted, bytes, descriptor.digest)
        : source.fetch(wanted, options),
  };
}

/**
 * Pushes a manifest under a tag: in one request where the target can, else the manifest and then
 * the tag.
 */
export async function pushTagged(
  target: (Pusher & Tagger) | (Pusher & Tagger & TaggedPusher),
  descriptor: Descriptor,
  bytes: Uint8Array,
  tag: string,
  options: CallOptions,
): Promise<void> {
  if ('pushTagged' in target) return target.pushTagged(descriptor, bytes, tag, options);
  await target.push(descriptor, bytes, options);
  await target.tag(descriptor, tag, options);
}
