import { contentBytes, openContent } from '#lib/registry/content';
import type { Descriptor } from '#lib/registry/descriptor';
import { type Digest, isDigest } from '#lib/registry/digest';
import { linksOf, ofArtifactType, referrerDescriptor } from '#lib/registry/graph';
import { isManifestMediaType } from '#lib/registry/manifest';
import { hasConfirmed, pushTagged, type ResolvedManifest, resolveManifest } from '#lib/registry/one-request';
import type { CallOptions, Content, LookupOptions, ReferrerOptions, TagLister, Target } from '#lib/registry/target';

/** Most bytes of content that is kept, and most manifests and blobs. */
const keptBytes = 1024 * 1024;
const keptAtMost = 64;

/**
 * A repository during one publication: what was read from it by digest, and what it confirmed to
 * have stored under its digest, is not asked for again. Content that a target does not confirm is
 * read from the target. Tags are always asked for.
 */
export class KnownContent implements Target, TagLister {
  readonly #target: Target & TagLister;
  readonly #content = new Map<Digest, Required<ResolvedManifest>>();
  /** The referrers of a subject, as they were listed last, and those that were pushed since. */
  readonly #referrers = new Map<Digest, readonly Descriptor[]>();

  constructor(target: Target & TagLister) {
    this.#target = target;
  }

  /** Keeps content that the repository has. */
  keep(descriptor: Descriptor, bytes: Uint8Array): void {
    if (bytes.length <= keptBytes && this.#content.size < keptAtMost) {
      this.#content.set(descriptor.digest, { descriptor, bytes });
    }
  }

  async resolve(tagOrDigest: string, options?: LookupOptions): Promise<Descriptor> {
    return this.#known(tagOrDigest)?.descriptor ?? this.#target.resolve(tagOrDigest, options);
  }

  async resolveManifest(tagOrDigest: string, options: CallOptions = {}): Promise<Required<ResolvedManifest>> {
    const known = this.#known(tagOrDigest);
    if (known !== undefined) return known;
    const { descriptor, bytes: read } = await resolveManifest(this.#target, tagOrDigest, options);
    const bytes = read ?? (await contentBytes(descriptor, () => this.#target.fetch(descriptor, options), tagOrDigest));
    this.keep(descriptor, bytes);
    return { descriptor, bytes };
  }

  async fetch(descriptor: Descriptor, options?: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    const known = this.#content.get(descriptor.digest);
    if (known !== undefined) return openContent(descriptor, known.bytes, descriptor.digest);
    const stream = await this.#target.fetch(descriptor, options);
    if (descriptor.size > keptBytes) return stream;
    const bytes = await contentBytes(descriptor, async () => stream, descriptor.digest);
    this.keep(descriptor, bytes);
    return openContent(descriptor, bytes, descriptor.digest);
  }

  async referrers(subject: Descriptor, options: ReferrerOptions = {}): Promise<Descriptor[]> {
    const { artifactType, fromOrigin } = options;
    const known = fromOrigin ? undefined : this.#referrers.get(subject.digest);
    if (known !== undefined) return ofArtifactType([...known], artifactType);
    const listed = await this.#target.referrers(subject, options);
    if (artifactType === undefined && listed.length > 0) this.#referrers.set(subject.digest, listed);
    return listed;
  }

  exists(descriptor: Descriptor, options?: CallOptions): Promise<boolean> {
    return this.#target.exists(descriptor, options);
  }

  async push(descriptor: Descriptor, content: Content, options?: CallOptions): Promise<void> {
    await this.#target.push(descriptor, content, options);
    if (!(content instanceof Uint8Array) || !hasConfirmed(this.#target, descriptor)) return;
    this.keep(descriptor, content);
    if (!isManifestMediaType(descriptor.mediaType)) return;
    const links = linksOf(descriptor.mediaType, content, descriptor.digest);
    if (links.subject === undefined) return;
    const listed = this.#referrers.get(links.subject.digest) ?? [];
    this.#referrers.set(links.subject.digest, [...listed, referrerDescriptor(descriptor, links)]);
  }

  pushTagged(descriptor: Descriptor, bytes: Uint8Array, tag: string, options: CallOptions = {}): Promise<void> {
    return pushTagged(this.#target, descriptor, bytes, tag, options);
  }

  tag(descriptor: Descriptor, tag: string, options?: CallOptions): Promise<void> {
    return this.#target.tag(descriptor, tag, options);
  }

  tags(options?: CallOptions): AsyncIterable<string> {
    return this.#target.tags(options);
  }

  #known(tagOrDigest: string): Required<ResolvedManifest> | undefined {
    return isDigest(tagOrDigest) ? this.#content.get(tagOrDigest) : undefined;
  }
}
