import { FairleadError } from '#lib/errors';
import type { Descriptor } from '../descriptor.ts';
import type { CallOptions, Content } from '../target.ts';
import { type ApiResponse, type RegistryClient, resolveLocation } from './api.ts';
import { repositoryScope } from './scope.ts';

/** An upload that a registry has begun (distribution-spec, "Pushing blobs"). */
export interface UploadSession {
  /** The URL of its next request: registries change it with every answer. */
  readonly location: URL;
  /**
   * The fewest bytes of a chunk that is not the last, from OCI-Chunk-Min-Length; 0 if the registry
   * does not specify it.
   */
  readonly chunkMinimum: number;
  /** The number of bytes that the registry has. */
  readonly received: number;
}

/** A blob to upload, and its repository. */
export interface Upload {
  readonly client: RegistryClient;
  readonly repository: string;
  readonly descriptor: Descriptor;
  readonly content: Content;
  readonly options: CallOptions;
}

/** Begins an upload. */
export async function beginUpload(upload: Upload): Promise<UploadSession> {
  const response = await post(upload, '', [202]);
  return sessionOf(response);
}

/**
 * Begins an upload unless the repository has the blob, in one request: a mount from the repository
 * itself (distribution-spec, "Mounting a blob from another repository"), which a registry answers
 * with an upload if there is nothing to mount. `atOnce` is the content, which a registry may store
 * with the same request (distribution-spec, "Single POST"). Returns 'held' if the repository has
 * the blob then, and 'unclear' for any other answer: the registry must then be asked in two
 * requests.
 */
export async function beginUploadIfAbsent(
  upload: Upload,
  atOnce?: Uint8Array,
): Promise<UploadSession | 'held' | 'unclear'> {
  const { descriptor, repository } = upload;
  const { digest } = descriptor;
  const query = new URLSearchParams({ mount: digest, from: repository, ...(atOnce && { digest }) });
  const response = await post(upload, `?${query}`, [201, 202, 400, 403, 404, 405, 422, 500, 501], atOnce);
  if (response.status === 202) return sessionOf(response);
  const answered = response.header('docker-content-digest') ?? descriptor.digest;
  return response.status === 201 && answered === descriptor.digest ? 'held' : 'unclear';
}

async function post(upload: Upload, query: string, expect: readonly number[], body?: Uint8Array): Promise<ApiResponse> {
  const response = await upload.client.send({
    method: 'POST',
    to: `${upload.repository}/blobs/uploads/${query}`,
    scopes: uploadScopes(upload),
    expect,
    headers:
      body === undefined
        ? { 'content-length': '0' }
        : { 'content-type': 'application/octet-stream', 'content-length': String(body.length) },
    ...(body && { body }),
    signal: upload.options.signal,
  });
  await response.discard();
  return response;
}

function sessionOf(response: ApiResponse): UploadSession {
  return {
    location: nextLocation(response),
    chunkMinimum: Number(response.header('oci-chunk-min-length') ?? 0) || 0,
    received: 0,
  };
}

/**
 * Asks what the registry has of an upload; returns undefined if it does not know the upload any
 * more, or does not answer. Not every registry answers this question, and storage on another host
 * refuses it.
 */
export async function readSession(upload: Upload, session: UploadSession): Promise<UploadSession | undefined> {
  let response: ApiResponse;
  try {
    response = await upload.client.send({
      method: 'GET',
      to: session.location,
      scopes: uploadScopes(upload),
      expect: [204],
      signal: upload.options.signal,
    });
  } catch (error) {
    if (upload.options.signal?.aborted || !(error instanceof FairleadError)) throw error;
    return undefined;
  }
  await response.discard();
  const last = /^(?:bytes=)?0-([0-9]+)$/.exec(response.header('range') ?? '')?.[1];
  // "0-0" means one byte or, with Docker's registry, none: it is read as none.
  if (last === undefined || last === '0') return undefined;
  const location = response.header('location') === undefined ? session.location : nextLocation(response);
  return { ...session, location, received: Number(last) + 1 };
}

/**
 * Returns the URL of the next request of an upload from the Location of an answer. Throws
 * Unavailable if none exists.
 */
export function nextLocation(response: ApiResponse): URL {
  const { url } = response;
  const name = `upload to ${url.origin}${url.pathname}`;
  const location = response.header('location');
  if (location === undefined)
    throw new FairleadError('Unavailable', `${name}: the registry returned no Location to continue at`);
  return resolveLocation(location, url, name);
}

/** Returns the URL that ends an upload: the registry then verifies the digest. */
export function withDigest(location: URL, descriptor: Descriptor): URL {
  const url = new URL(location);
  url.searchParams.set('digest', descriptor.digest);
  return url;
}

/** Returns the scopes that an upload to a repository needs. */
export function uploadScopes({ repository }: Upload): string[] {
  return [repositoryScope(repository, 'pull,push')];
}
