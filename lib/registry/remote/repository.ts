import { contentBytes } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import { ofArtifactType } from '../graph.ts';
import { isManifestMediaType } from '../manifest.ts';
import type { ConfirmingPusher, ManifestResolver, ResolvedManifest, TaggedPusher } from '../one-request.ts';
import { formatRepository, type Reference } from '../reference.ts';
import type { CallOptions, Content, LookupOptions, ReferrerOptions, Repository } from '../target.ts';
import type { RegistryClient, RemoteOptions } from './api.ts';
import { RemoteBlobs } from './blobs.ts';
import { createClient } from './client.ts';
import { RemoteManifests } from './manifests.ts';

export type { RemoteOptions } from './api.ts';

/** A repository of a registry, with what only a registry can do. */
export interface RemoteRepository extends Repository, ManifestResolver, TaggedPusher, ConfirmingPusher {
  readonly registry: string;
  readonly repository: string;
  /**
   * Has the registry take over a blob from another of its repositories (distribution-spec,
   * "Mounting a blob from another repository"). Returns false if it does not: the blob must then be
   * pushed.
   */
  mount(descriptor: Descriptor, from: string, options?: CallOptions): Promise<boolean>;
}

/**
 * Opens a repository of a remote registry (distribution-spec 1.1). Tag and digest of the reference
 * are ignored. Nothing is sent before the first call; connections are pooled for the whole process.
 */
export function remoteRepository(
  reference: Pick<Reference, 'registry' | 'repository'>,
  options: RemoteOptions = {},
): RemoteRepository {
  const { registry, repository } = reference;
  return new RegistryRepository(createClient({ registry, repository }, options), registry, repository);
}

/** Sends each call to the manifests or to the blobs of the repository, by media type. */
class RegistryRepository implements RemoteRepository {
  readonly registry: string;
  readonly repository: string;
  readonly #name: string;
  readonly #manifests: RemoteManifests;
  readonly #blobs: RemoteBlobs;

  constructor(client: RegistryClient, registry: string, repository: string) {
    this.registry = registry;
    this.repository = repository;
    this.#name = formatRepository({ registry, repository });
    this.#manifests = new RemoteManifests(client, { registry, repository });
    this.#blobs = new RemoteBlobs(client, { registry, repository });
  }

  resolve(tagOrDigest: string, options: LookupOptions = {}): Promise<Descriptor> {
    return this.#manifests.resolve(tagOrDigest, options);
  }

  resolveManifest(tagOrDigest: string, options: CallOptions = {}): Promise<Required<ResolvedManifest>> {
    return this.#manifests.get(tagOrDigest, options);
  }

  fetch(descriptor: Descriptor, options: CallOptions = {}): Promise<AsyncIterable<Uint8Array>> {
    return this.#partOf(descriptor).fetch(descriptor, options);
  }

  async referrers(subject: Descriptor, options: ReferrerOptions = {}): Promise<Descriptor[]> {
    return ofArtifactType(await this.#manifests.listReferrers(subject, options), options.artifactType);
  }

  exists(descriptor: Descriptor, options: CallOptions = {}): Promise<boolean> {
    return this.#partOf(descriptor).exists(descriptor, options);
  }

  async push(descriptor: Descriptor, content: Content, options: CallOptions = {}): Promise<void> {
    if (isManifestMediaType(descriptor.mediaType)) await this.#pushManifest(descriptor, content, undefined, options);
    else await this.#blobs.push(descriptor, content, options);
  }

  async pushTagged(descriptor: Descriptor, bytes: Uint8Array, tag: string, options: CallOptions = {}): Promise<void> {
    await this.#pushManifest(descriptor, bytes, tag, options);
  }

  hasConfirmed(descriptor: Descriptor): boolean {
    return this.#partOf(descriptor).hasConfirmed(descriptor);
  }

  tag(descriptor: Descriptor, tag: string, options: CallOptions = {}): Promise<void> {
    return this.#manifests.tag(descriptor, tag, options);
  }

  tags(options: CallOptions = {}): AsyncIterable<string> {
    return this.#manifests.listTags(options);
  }

  untag(tag: string, options: CallOptions = {}): Promise<void> {
    return this.#manifests.untag(tag, options);
  }

  delete(descriptor: Descriptor, options: CallOptions = {}): Promise<void> {
    return this.#partOf(descriptor).delete(descriptor, options);
  }

  mount(descriptor: Descriptor, from: string, options: CallOptions = {}): Promise<boolean> {
    return this.#blobs.mount(descriptor, from, options);
  }

  #partOf({ mediaType }: Descriptor): RemoteManifests | RemoteBlobs {
    return isManifestMediaType(mediaType) ? this.#manifests : this.#blobs;
  }

  async #pushManifest(
    descriptor: Descriptor,
    content: Content,
    tag: string | undefined,
    options: CallOptions,
  ): Promise<void> {
    const bytes = await contentBytes(descriptor, content, this.#name);
    try {
      await this.#manifests.push(descriptor, bytes, tag, options);
    } catch (error) {
      // The registry may miss a blob that it had a moment ago.
      this.#blobs.forget();
      throw error;
    }
  }
}
