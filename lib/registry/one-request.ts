import { openContent } from './content.ts';
import type { Descriptor } from './descriptor.ts';
import type { CallOptions, Pusher, ReadTarget, Resolver, Tagger } from './target.ts';

/**
 * A manifest that was resolved by tag or digest: its descriptor and, if the source returned them in
 * the same request, its verified bytes.
 */
export interface ResolvedManifest {
  readonly descriptor: Descriptor;
  readonly bytes?: Uint8Array;
}

/** A repository that can return a manifest when it resolves its name. */
export interface ManifestResolver {
  /** Resolves a tag or digest to a descriptor and its content. Rejects as resolve and fetch do. */
  resolveManifest(tagOrDigest: string, options?: CallOptions): Promise<Required<ResolvedManifest>>;
}

/** A repository that can push a manifest under a tag. */
export interface TaggedPusher {
  /** Pushes a manifest under a tag. Its parts must be there. Rejects as push and tag do. */
  pushTagged(descriptor: Descriptor, bytes: Uint8Array, tag: string, options?: CallOptions): Promise<void>;
}

/** A repository that knows which content was pushed to it and is stored under its digest. */
export interface ConfirmingPusher {
  /**
   * Returns whether the repository answered, a moment ago, that it has stored exactly what was
   * pushed under this digest, or that it has the digest already.
   */
  hasConfirmed(descriptor: Descriptor): boolean;
}

/** Returns whether a target has confirmed content; false for one that does not do so. */
export function hasConfirmed(target: Pusher | (Pusher & ConfirmingPusher), descriptor: Descriptor): boolean {
  return 'hasConfirmed' in target && target.hasConfirmed(descriptor);
}

/** Resolves a tag or digest, with the manifest if the source returns both in one request. */
export async function resolveManifest(
  source: Resolver | (Resolver & ManifestResolver),
  tagOrDigest: string,
  options: CallOptions,
): Promise<ResolvedManifest> {
  if ('resolveManifest' in source) return source.resolveManifest(tagOrDigest, options);
  return { descriptor: await source.resolve(tagOrDigest, options) };
}

/**
 * Returns the same source with what is already known of a manifest: its descriptor is not resolved
 * again, and its bytes, if known, are not fetched again.
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
 * Pushes a manifest under a tag: in one request if the target can, otherwise the manifest and then
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
