import { FairleadError } from '#lib/errors';
import { quote } from '#lib/text/quote';
import { readBody } from '../../network/read-body.ts';
import { nameRequest } from '../../network/request-error.ts';
import type { Descriptor } from '../descriptor.ts';
import { type Digest, digestOf, digestParts, isDigest } from '../digest.ts';
import { linksOf, referrerDescriptor } from '../graph.ts';
import { acceptManifests, isManifestMediaType, manifestBytesLimit } from '../manifest.ts';
import type { ResolvedManifest } from '../one-request.ts';
import { formatRepository, isTag, type Reference } from '../reference.ts';
import type { CallOptions, LookupOptions, ReferrerOptions } from '../target.ts';
import type { ApiRequest, ApiResponse, RegistryClient } from './api.ts';
import { download } from './download.ts';
import { listPages } from './pages.ts';
import { RemoteReferrers } from './referrers.ts';
import { repositoryScope } from './scope.ts';

/** How often a manifest is requested again if the connection breaks in the middle of it. */
const manifestAttempts = 4;
/** How many pushed manifests are kept: usually one of them is tagged next, and needs no fetch. */
const pushedManifests = 4;

/**
 * The manifests of one repository of a registry, their tags and their referrers (distribution-spec,
 * "Pulling manifests", "Pushing manifests", "Listing Referrers").
 */
export class RemoteManifests {
  readonly #client: RegistryClient;
  readonly #name: string;
  readonly #repository: string;
  readonly #referrers: RemoteReferrers;
  readonly #pull: readonly string[];
  readonly #push: readonly string[];
  readonly #delete: readonly string[];
  /** The manifests that were pushed last, and whether the registry confirmed their digests. */
  readonly #pushed = new Map<Digest, { readonly bytes: Uint8Array; readonly confirmed: boolean }>();

  constructor(client: RegistryClient, reference: Pick<Reference, 'registry' | 'repository'>) {
    const { repository } = reference;
    this.#client = client;
    this.#name = formatRepository(reference);
    this.#repository = repository;
    this.#referrers = new RemoteReferrers(client, repository);
    this.#pull = [repositoryScope(repository, 'pull')];
    this.#push = [repositoryScope(repository, 'pull,push')];
    this.#delete = [repositoryScope(repository, 'delete,pull,push')];
  }

  /**
   * Resolves a tag or digest by HEAD; by GET, if the registry does not answer HEAD completely.
   * Rejects with NotFound, naming the tag or digest, if it is absent; with Conflict if the registry
   * answers for another digest; and with LimitExceeded for a manifest of more than 4 MiB.
   */
  async resolve(tagOrDigest: string, options: LookupOptions): Promise<Descriptor> {
    this.#checkTagOrDigest(tagOrDigest);
    const response = await this.#head(tagOrDigest, options, [200, 405, 501], options.fromOrigin ? 'push' : undefined);
    const answered = response.header('docker-content-digest');
    const digest = isDigest(tagOrDigest) ? tagOrDigest : answered;
    const size = response.header('content-length') ?? '';
    if (response.status !== 200 || digest === undefined || !isDigest(digest) || !/^[0-9]+$/.test(size)) {
      return (await this.get(tagOrDigest, options)).descriptor;
    }
    if (
      answered !== undefined &&
      answered !== digest &&
      isDigest(answered) &&
      digestParts(answered).algorithm === digestParts(digest).algorithm
    ) {
      throw otherDigest(`${this.#name}@${tagOrDigest}`, answered);
    }
    this.#checkSize(digest, Number(size));
    return { mediaType: manifestType(response), digest, size: Number(size) };
  }

  /** Gets a manifest by tag or digest, with its descriptor. Rejects as {@link resolve} does. */
  async get(tagOrDigest: string, { fromOrigin, signal }: LookupOptions): Promise<Required<ResolvedManifest>> {
    this.#checkTagOrDigest(tagOrDigest);
    for (let attempt = 1; ; attempt++) {
      const response = await this.#ask(tagOrDigest, {
        method: 'GET',
        to: this.#pathOf(tagOrDigest),
        ...(fromOrigin ? { need: 'push' as const } : {}),
        scopes: this.#pull,
        expect: [200],
        headers: { accept: acceptManifests },
        signal,
      });
      const bytes = await readBody(response, { method: 'GET' }, manifestBytesLimit).catch((error: unknown) => {
        if (attempt < manifestAttempts && error instanceof FairleadError && error.kind === 'Unavailable')
          return undefined;
        throw error;
      });
      if (bytes === undefined) continue;
      const answered = response.header('docker-content-digest') ?? '';
      const expected = [tagOrDigest, answered].find(isDigest);
      const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestParts(expected).algorithm);
      if (expected !== undefined && digest !== expected) throw otherDigest(`${this.#name}@${expected}`, digest);
      return { descriptor: { mediaType: manifestType(response), digest, size: bytes.length }, bytes };
    }
  }

  /** Downloads the manifest of a descriptor. Rejects as {@link download} does. */
  async fetch(descriptor: Descriptor, { signal }: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    this.#checkSize(descriptor.digest, descriptor.size);
    const request = {
      method: 'GET',
      to: this.#pathOf(descriptor.digest),
      scopes: this.#pull,
      expect: [200],
      headers: { accept: descriptor.mediaType },
      signal,
    } as const;
    return download(this.#client, request, descriptor).catch((error: unknown) => {
      throw this.#absent(descriptor.digest, error);
    });
  }

  async exists({ digest }: Descriptor, options: CallOptions): Promise<boolean> {
    const response = await this.#head(digest, options, [200, 404], 'push');
    return response.status === 200;
  }

  /** Lists the referrers of a manifest. Rejects as {@link RemoteReferrers.list} does. */
  listReferrers(subject: Descriptor, options: ReferrerOptions): Promise<Descriptor[]> {
    return this.#referrers.list(subject.digest, options);
  }

  /**
   * Pushes a manifest, with `tag` under that tag. If it has a subject, it is listed among the
   * referrers of the subject when this resolves. An existing manifest is sent as well: that costs
   * as much as asking, and the answer shows whether the registry itself lists referrers.
   */
  async push(descriptor: Descriptor, bytes: Uint8Array, tag: string | undefined, options: CallOptions): Promise<void> {
    if (tag !== undefined) this.#checkTag(tag);
    const links = linksOf(descriptor.mediaType, bytes, `${this.#name}@${descriptor.digest}`);
    const response = await this.#put(descriptor, bytes, tag ?? descriptor.digest, options);
    if (links.subject !== undefined) {
      const subject = links.subject.digest;
      const acknowledged = response.header('oci-subject') === subject;
      await this.#referrers.publish(subject, referrerDescriptor(descriptor, links), { ...options, acknowledged });
    }
    const confirmed = response.header('docker-content-digest') === descriptor.digest;
    this.#keep(descriptor.digest, { bytes, confirmed });
  }

  /** Returns whether the registry answered that it has stored a manifest under this digest. */
  hasConfirmed({ digest }: Descriptor): boolean {
    return this.#pushed.get(digest)?.confirmed ?? false;
  }

  /** Makes a tag point to a manifest that is there. */
  async tag(descriptor: Descriptor, tag: string, options: CallOptions): Promise<void> {
    this.#checkTag(tag);
    const { bytes } = this.#pushed.get(descriptor.digest) ?? (await this.get(descriptor.digest, options));
    await this.#put(descriptor, bytes, tag, options);
  }

  listTags({ signal }: CallOptions): AsyncIterable<string> {
    return listPages(this.#client, { to: `${this.#repository}/tags/list`, scopes: this.#pull, signal }, 'tags');
  }

  /** Removes a tag. Rejects with InvalidInput if the registry cannot remove single tags. */
  async untag(tag: string, options: CallOptions): Promise<void> {
    this.#checkTag(tag);
    try {
      await this.#remove(tag, options);
    } catch (error) {
      if (!(error instanceof FairleadError) || error.kind !== 'InvalidInput') throw error;
      throw new FairleadError('InvalidInput', `${this.#name}: the registry cannot remove single tags, such as ${tag}`, {
        cause: error,
        hint: `Move the tag to another manifest: \`fairlead tag ${this.#name}@sha256:… ${tag}\`. Or delete its manifest with all of its tags: \`fairlead delete ${this.#name}@sha256:… --all-tags\``,
      });
    }
  }

  /** Deletes a manifest, then removes it from the list of referrers that a tag holds. */
  async delete(descriptor: Descriptor, options: CallOptions): Promise<void> {
    const { bytes } = await this.get(descriptor.digest, options);
    const { subject } = linksOf(descriptor.mediaType, bytes, `${this.#name}@${descriptor.digest}`);
    try {
      await this.#remove(descriptor.digest, options);
    } catch (error) {
      // It was there a moment ago: if it is gone now, an answer was lost, or another client deleted
      // it. A registry that deletes nothing may answer 404 as well.
      const missing = error instanceof FairleadError && error.kind === 'NotFound';
      if (!missing || (await this.exists(descriptor, options))) throw error;
    }
    // After the manifest: the list may name what is gone, but must not omit what is there.
    if (subject !== undefined) await this.#referrers.removeFromTag(subject.digest, descriptor.digest, options);
  }

  #pathOf(tagOrDigest: string): string {
    return `${this.#repository}/manifests/${tagOrDigest}`;
  }

  #head(
    tagOrDigest: string,
    { signal }: CallOptions,
    expect: readonly number[],
    need: 'push' | undefined,
  ): Promise<ApiResponse> {
    return this.#ask(tagOrDigest, {
      method: 'HEAD',
      to: this.#pathOf(tagOrDigest),
      ...(need === undefined ? {} : { need }),
      scopes: this.#pull,
      expect,
      headers: { accept: acceptManifests },
      signal,
    });
  }

  /** Requests a manifest. Rejects with NotFound, naming the tag or digest, if it is absent. */
  #ask(tagOrDigest: string, request: ApiRequest): Promise<ApiResponse> {
    return this.#client.send(request).catch((error: unknown) => {
      throw this.#absent(tagOrDigest, error);
    });
  }

  /** Returns the error for an absent manifest with its tag or digest, and others as they are. */
  #absent(tagOrDigest: string, error: unknown): unknown {
    if (!(error instanceof FairleadError) || error.kind !== 'NotFound') return error;
    const what = isDigest(tagOrDigest) ? 'manifest' : 'tag';
    return new FairleadError('NotFound', `no ${what} ${tagOrDigest} in ${this.#name}`, {
      cause: error,
      details: [error.message],
      hint: isDigest(tagOrDigest)
        ? 'Check the registry, the repository and the digest: the manifest may have been deleted.'
        : `Check the registry and the repository. To list its tags: \`fairlead ls ${this.#name}\``,
    });
  }

  async #put(
    descriptor: Descriptor,
    bytes: Uint8Array,
    tagOrDigest: string,
    { signal }: CallOptions,
  ): Promise<ApiResponse> {
    const response = await this.#client.send({
      method: 'PUT',
      to: this.#pathOf(tagOrDigest),
      scopes: this.#push,
      expect: [201],
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      signal,
    });
    await response.discard();
    const answered = response.header('docker-content-digest');
    if (
      answered !== undefined &&
      isDigest(answered) &&
      digestParts(answered).algorithm === digestParts(descriptor.digest).algorithm &&
      answered !== descriptor.digest
    ) {
      throw otherDigest(`${this.#name}@${descriptor.digest}`, answered);
    }
    return response;
  }

  async #remove(tagOrDigest: string, { signal }: CallOptions): Promise<void> {
    const response = await this.#client.send({
      method: 'DELETE',
      to: this.#pathOf(tagOrDigest),
      scopes: this.#delete,
      expect: [200, 202],
      signal,
    });
    await response.discard();
  }

  #keep(digest: Digest, pushed: { readonly bytes: Uint8Array; readonly confirmed: boolean }): void {
    this.#pushed.delete(digest);
    this.#pushed.set(digest, pushed);
    for (const oldest of this.#pushed.keys()) {
      if (this.#pushed.size <= pushedManifests) break;
      this.#pushed.delete(oldest);
    }
  }

  #checkTag(tag: string): void {
    if (isTag(tag)) return;
    throw new FairleadError('InvalidInput', `${this.#name}: invalid tag ${quote(tag, 160)}`);
  }

  #checkTagOrDigest(text: string): void {
    if (isDigest(text) || isTag(text)) return;
    throw new FairleadError('InvalidInput', `${this.#name}: invalid tag or digest ${quote(text, 160)}`);
  }

  #checkSize(digest: string, size: number): void {
    if (size <= manifestBytesLimit) return;
    throw new FairleadError(
      'LimitExceeded',
      `${this.#name}@${digest}: the manifest has ${size} bytes, more than the ${manifestBytesLimit} allowed`,
    );
  }
}

function manifestType(response: ApiResponse): string {
  const type = response.header('content-type')?.split(';')[0]?.trim() ?? '';
  if (isManifestMediaType(type)) return type;
  throw new FairleadError(
    'InvalidInput',
    `${nameRequest({ method: 'GET', url: response.url })}: unknown media type of a manifest: ${quote(type)}`,
    {
      hint: 'Check that the host is a registry, and that the reference names an artifact with an OCI manifest.',
    },
  );
}

function otherDigest(what: string, digest: string): FairleadError {
  return new FairleadError('Conflict', `${what}: the registry answered with other content, ${digest.slice(0, 160)}`, {
    hint: 'The registry, or a proxy, is faulty or hostile. Nothing of it was used.',
  });
}
