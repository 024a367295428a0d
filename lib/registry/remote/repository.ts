import { FairleadError } from '#lib/errors';
import { readBody } from '../../network/read-body.ts';
import { nameRequest } from '../../network/request-error.ts';
import { checkContent, contentBytes } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import { type Digest, digestOf, digestParts, isDigest } from '../digest.ts';
import { linksOf, ofArtifactType, referrerDescriptor } from '../graph.ts';
import { acceptManifests, isManifestMediaType, manifestBytesLimit } from '../manifest.ts';
import type { ManifestResolver, ResolvedManifest, TaggedPusher } from '../one-request.ts';
import { formatRepository, isTag, type Reference } from '../reference.ts';
import type { CallOptions, LookupOptions, Repository } from '../target.ts';
import type { ApiResponse, RegistryClient, RemoteOptions } from './api.ts';
import { createBlobPusher } from './blob-pusher.ts';
import { createClient } from './client.ts';
import { download } from './download.ts';
import { listPages } from './pages.ts';
import { createReferrers } from './referrers.ts';
import { repositoryScope } from './scope.ts';

export type { RemoteOptions } from './api.ts';

/** A repository of a registry, with what only a registry can do. */
export interface RemoteRepository extends Repository, ManifestResolver, TaggedPusher {
  readonly registry: string;
  readonly repository: string;
  /**
   * Has the registry take a blob over from another of its repositories (distribution-spec,
   * "Mounting a blob from another repository"). False where it will not: the blob must then be
   * pushed.
   */
  mount(descriptor: Descriptor, from: string, options?: CallOptions): Promise<boolean>;
}

/**
 * How often a manifest is asked for where its connection breaks in the middle, and how many of
 * those that were pushed are kept.
 */
const manifestAttempts = 4;
const pushedManifests = 4;

/**
 * A repository of a remote registry (distribution-spec 1.1). Tag and digest of the reference play
 * no part. Nothing is sent before the first call; connections are pooled for the whole process.
 */
export function remoteRepository(
  reference: Pick<Reference, 'registry' | 'repository'>,
  options: RemoteOptions = {},
): RemoteRepository {
  const { registry, repository } = reference;
  return repositoryOf(createClient({ registry, repository }, options), registry, repository);
}

function repositoryOf(client: RegistryClient, registry: string, repository: string): RemoteRepository {
  const name = formatRepository({ registry, repository });
  const pull = [repositoryScope(repository, 'pull')];
  const push = [repositoryScope(repository, 'pull,push')];
  const referrers = createReferrers(client, repository);
  /**
   * The manifests that were pushed last: one of them is tagged next, most often, without being
   * fetched again.
   */
  const pushed = new Map<Digest, Uint8Array>();

  const head = (to: string, options: CallOptions, expect: readonly number[], need?: 'push'): Promise<ApiResponse> =>
    client.send({
      method: 'HEAD',
      to,
      ...(need === undefined ? {} : { need }),
      scopes: pull,
      expect,
      headers: { accept: to.includes('/manifests/') ? acceptManifests : '*/*' },
      signal: options.signal,
    });

  const exists = async (descriptor: Descriptor, options: CallOptions): Promise<boolean> => {
    const kind = isManifestMediaType(descriptor.mediaType) ? 'manifests' : 'blobs';
    const response = await head(`${repository}/${kind}/${descriptor.digest}`, options, [200, 404], 'push');
    return response.status === 200;
  };
  const blobs = createBlobPusher(client, repository, exists);

  const getManifest = async (tagOrDigest: string, options: LookupOptions): Promise<Required<ResolvedManifest>> => {
    for (let attempt = 1; ; attempt++) {
      const response = await client.send({
        method: 'GET',
        to: `${repository}/manifests/${tagOrDigest}`,
        ...(options.fromOrigin ? { need: 'push' as const } : {}),
        scopes: pull,
        expect: [200],
        headers: { accept: acceptManifests },
        signal: options.signal,
      });
      const bytes = await readBody(response, { method: 'GET' }, manifestBytesLimit).catch((error: unknown) => {
        if (attempt < manifestAttempts && error instanceof FairleadError && error.kind === 'Unavailable')
          return undefined;
        throw error;
      });
      if (bytes === undefined) continue;
      const told = response.header('docker-content-digest') ?? '';
      const expected = [tagOrDigest, told].find(isDigest);
      const digest = digestOf(bytes, expected === undefined ? 'sha256' : digestParts(expected).algorithm);
      if (expected !== undefined && digest !== expected) throw otherDigest(`${name}@${expected}`, digest);
      return { descriptor: { mediaType: manifestType(response), digest, size: bytes.length }, bytes };
    }
  };

  const putManifest = async (
    descriptor: Descriptor,
    bytes: Uint8Array,
    tagOrDigest: string,
    options: CallOptions,
  ): Promise<ApiResponse> => {
    const response = await client.send({
      method: 'PUT',
      to: `${repository}/manifests/${tagOrDigest}`,
      scopes: push,
      expect: [201],
      headers: { 'content-type': descriptor.mediaType },
      body: bytes,
      signal: options.signal,
    });
    await response.discard();
    const told = response.header('docker-content-digest');
    if (
      told !== undefined &&
      isDigest(told) &&
      digestParts(told).algorithm === digestParts(descriptor.digest).algorithm &&
      told !== descriptor.digest
    ) {
      throw otherDigest(`${name}@${descriptor.digest}`, told);
    }
    return response;
  };

  const pushManifest = async (
    descriptor: Descriptor,
    bytes: Uint8Array,
    tagOrDigest: string,
    options: CallOptions,
  ): Promise<void> => {
    const links = linksOf(descriptor.mediaType, bytes, `${name}@${descriptor.digest}`);
    // Sent also where it is there already: it costs what asking costs, and the answer says who
    // keeps the list of referrers.
    const response = await putManifest(descriptor, bytes, tagOrDigest, options).catch((error: unknown) => {
      // It may miss a blob that it had a moment ago.
      blobs.forget();
      throw error;
    });
    if (links.subject !== undefined) {
      const subject = links.subject.digest;
      const acknowledged = response.header('oci-subject') === subject;
      await referrers.publish(subject, referrerDescriptor(descriptor, links), { ...options, acknowledged });
    }
    pushed.delete(descriptor.digest);
    pushed.set(descriptor.digest, bytes);
    for (const oldest of pushed.keys()) {
      if (pushed.size <= pushedManifests) break;
      pushed.delete(oldest);
    }
  };

  const remove = async (to: string, options: CallOptions): Promise<void> => {
    const scopes = [repositoryScope(repository, 'delete,pull,push')];
    const response = await client.send({ method: 'DELETE', to, scopes, expect: [200, 202], signal: options.signal });
    await response.discard();
  };

  return {
    registry,
    repository,

    async resolve(tagOrDigest, options = {}) {
      checkTagOrDigest(tagOrDigest, name);
      const need = options.fromOrigin ? 'push' : undefined;
      const response = await head(`${repository}/manifests/${tagOrDigest}`, options, [200, 405, 501], need);
      const told = response.header('docker-content-digest');
      const digest = isDigest(tagOrDigest) ? tagOrDigest : told;
      const size = response.header('content-length');
      if (
        response.status !== 200 ||
        digest === undefined ||
        !isDigest(digest) ||
        size === undefined ||
        !/^[0-9]+$/.test(size)
      ) {
        return (await getManifest(tagOrDigest, options)).descriptor;
      }
      if (
        isDigest(tagOrDigest) &&
        told !== undefined &&
        told.startsWith('sha256:') === digest.startsWith('sha256:') &&
        told !== digest
      ) {
        throw otherDigest(`${name}@${tagOrDigest}`, told);
      }
      if (Number(size) > manifestBytesLimit) {
        throw new FairleadError(
          'LimitExceeded',
          `${name}@${digest}: the manifest has ${size} bytes, more than the ${manifestBytesLimit} allowed`,
        );
      }
      return { mediaType: manifestType(response), digest, size: Number(size) };
    },

    async resolveManifest(tagOrDigest, options = {}) {
      checkTagOrDigest(tagOrDigest, name);
      return getManifest(tagOrDigest, options);
    },

    async fetch(descriptor, options = {}) {
      const manifest = isManifestMediaType(descriptor.mediaType);
      if (manifest && descriptor.size > manifestBytesLimit) {
        throw new FairleadError(
          'LimitExceeded',
          `${name}@${descriptor.digest}: the manifest has ${descriptor.size} bytes, more than the ${manifestBytesLimit} allowed`,
        );
      }
      const request = {
        method: 'GET' as const,
        to: `${repository}/${manifest ? 'manifests' : 'blobs'}/${descriptor.digest}`,
        scopes: pull,
        expect: [200],
        headers: { accept: manifest ? descriptor.mediaType : '*/*' },
        signal: options.signal,
      };
      return download(client, request, descriptor);
    },

    async referrers(subject, options = {}) {
      return ofArtifactType(await referrers.list(subject.digest, options), options.artifactType);
    },

    exists: (descriptor, options = {}) => exists(descriptor, options),

    async push(descriptor, content, options = {}) {
      if (!isManifestMediaType(descriptor.mediaType)) {
        if (content instanceof Uint8Array) checkContent(descriptor, content, name);
        await blobs.push(descriptor, content, options);
        return;
      }
      await pushManifest(descriptor, await contentBytes(descriptor, content, name), descriptor.digest, options);
    },

    async pushTagged(descriptor, bytes, tag, options = {}) {
      if (!isTag(tag)) throw noTag(tag, name);
      await pushManifest(descriptor, await contentBytes(descriptor, bytes, name), tag, options);
    },

    async tag(descriptor, tag, options = {}) {
      if (!isTag(tag)) throw noTag(tag, name);
      const bytes = pushed.get(descriptor.digest) ?? (await getManifest(descriptor.digest, options)).bytes;
      await putManifest(descriptor, bytes, tag, options);
    },

    tags(options = {}) {
      return listPages(client, { to: `${repository}/tags/list`, scopes: pull, signal: options.signal }, 'tags');
    },

    async untag(tag, options = {}) {
      if (!isTag(tag)) throw noTag(tag, name);
      try {
        await remove(`${repository}/manifests/${tag}`, options);
      } catch (error) {
        if (!(error instanceof FairleadError) || error.kind !== 'InvalidInput') throw error;
        throw new FairleadError('InvalidInput', `${name}: the registry does not remove single tags, such as ${tag}`, {
          cause: error,
          hint: 'Move the tag to another manifest, or delete its manifest, which takes all of its tags away.',
        });
      }
    },

    async delete(descriptor, options = {}) {
      if (!isManifestMediaType(descriptor.mediaType)) {
        blobs.forget(descriptor.digest);
        await remove(`${repository}/blobs/${descriptor.digest}`, options);
        return;
      }
      const { bytes } = await getManifest(descriptor.digest, options);
      const { subject } = linksOf(descriptor.mediaType, bytes, `${name}@${descriptor.digest}`);
      try {
        await remove(`${repository}/manifests/${descriptor.digest}`, options);
      } catch (error) {
        // It was there a moment ago: where it is not any more, an answer was lost, or another was
        // quicker. A registry that deletes nothing may say 404 as well.
        const missing = error instanceof FairleadError && error.kind === 'NotFound';
        if (!missing || (await exists(descriptor, options))) throw error;
      }
      // After the manifest: the list may name what is gone, but must not leave out what is there.
      if (subject !== undefined) await referrers.removeFromTag(subject.digest, descriptor.digest, options);
    },

    async mount(descriptor, from, options = {}) {
      const query = new URLSearchParams({ mount: descriptor.digest, from });
      try {
        const response = await client.send({
          method: 'POST',
          to: `${repository}/blobs/uploads/?${query}`,
          scopes: [...push, repositoryScope(from, 'pull')],
          // Whatever else it says, such as that we may not read there: the blob can still be sent.
          expect: [201, 202, 400, 401, 403, 404, 405],
          headers: { 'content-length': '0' },
          signal: options.signal,
        });
        await response.discard();
        return response.status === 201;
      } catch (error) {
        // The token service does not let us read there.
        if (error instanceof FairleadError && error.kind === 'Unauthenticated') return false;
        throw error;
      }
    },
  };
}

function noTag(tag: string, name: string): FairleadError {
  return new FairleadError('InvalidInput', `${name}: ${JSON.stringify(tag.slice(0, 160))} is no tag`);
}

function checkTagOrDigest(text: string, name: string): void {
  if (isDigest(text) || isTag(text)) return;
  throw new FairleadError('InvalidInput', `${name}: ${JSON.stringify(text.slice(0, 160))} is neither tag nor digest`);
}

function manifestType(response: ApiResponse): string {
  const type = response.header('content-type')?.split(';')[0]?.trim() ?? '';
  if (isManifestMediaType(type)) return type;
  throw new FairleadError(
    'InvalidInput',
    `${nameRequest({ method: 'GET', url: response.url })}: ${JSON.stringify(type.slice(0, 100))} is no type of a manifest that is known`,
    {
      hint: 'An artifact has an OCI manifest. Check that a registry answers there, and that it is the artifact that is meant.',
    },
  );
}

function otherDigest(what: string, digest: string): FairleadError {
  return new FairleadError('Conflict', `${what}: the registry answered with other content, ${digest.slice(0, 160)}`, {
    hint: 'The registry, or something on the way to it, is wrong or hostile. Nothing of it was used.',
  });
}
