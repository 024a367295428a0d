import { FairleadError } from '#lib/errors';
import { checkContent } from '../content.ts';
import type { Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import { formatRepository, type Reference } from '../reference.ts';
import type { CallOptions, Content } from '../target.ts';
import type { RegistryClient } from './api.ts';
import { download } from './download.ts';
import { repositoryScope } from './scope.ts';
import { uploadBlob } from './upload.ts';
import { beginUpload, beginUploadIfAbsent, type Upload, type UploadSession } from './upload-session.ts';

/**
 * How many blobs are remembered, and for how many milliseconds: a registry that cleans up keeps new
 * blobs for longer.
 */
const heldLimit = 1000;
const heldTime = 60_000;
/** Most bytes that are sent to a registry that may not take them at once. */
const atOnceBytes = 64 * 1024;

/**
 * The blobs of one repository of a registry (distribution-spec, "Pushing blobs", "Pulling blobs").
 * Profiles share their config: a blob that was seen in the repository a moment ago is neither asked
 * for nor sent again.
 */
export class RemoteBlobs {
  readonly #client: RegistryClient;
  readonly #name: string;
  readonly #repository: string;
  readonly #pull: readonly string[];
  /** Blobs that the repository has, and until when that is believed; the oldest first. */
  readonly #held = new Map<Digest, number>();
  /** Blobs that are being pushed: who pushes one of them at the same time waits for that. */
  readonly #pushing = new Map<Digest, Promise<void>>();
  /** Whether the registry answers a mount from the repository itself. */
  #knowsMounts = true;
  /** Whether the registry stores a blob that is sent with the request that begins the upload. */
  #storesAtOnce = true;

  constructor(client: RegistryClient, reference: Pick<Reference, 'registry' | 'repository'>) {
    this.#client = client;
    this.#name = formatRepository(reference);
    this.#repository = reference.repository;
    this.#pull = [repositoryScope(reference.repository, 'pull')];
  }

  /** Asks the registry whether it has a blob. */
  async exists({ digest }: Descriptor, { signal }: CallOptions): Promise<boolean> {
    const response = await this.#client.send({
      method: 'HEAD',
      to: `${this.#repository}/blobs/${digest}`,
      need: 'push',
      scopes: this.#pull,
      expect: [200, 404],
      headers: { accept: '*/*' },
      signal,
    });
    return response.status === 200;
  }

  /** Returns whether the registry answered a moment ago that it has a blob. */
  hasConfirmed({ digest }: Descriptor): boolean {
    return (this.#held.get(digest) ?? 0) > performance.now();
  }

  /** Downloads a blob. Rejects as {@link download} does. */
  fetch(descriptor: Descriptor, { signal }: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    const request = {
      method: 'GET',
      to: `${this.#repository}/blobs/${descriptor.digest}`,
      scopes: this.#pull,
      expect: [200],
      headers: { accept: '*/*' },
      signal,
    } as const;
    return download(this.#client, request, descriptor);
  }

  /** Pushes a blob unless the repository has it. Rejects as {@link uploadBlob} does. */
  async push(descriptor: Descriptor, content: Content, options: CallOptions): Promise<void> {
    if (content instanceof Uint8Array) checkContent(descriptor, content, this.#name);
    const { digest } = descriptor;
    // If it fails there, such as by the signal of another caller, it is tried here.
    for (let other = this.#pushing.get(digest); other !== undefined; other = this.#pushing.get(digest)) {
      await waitFor(other, options.signal);
    }
    if (this.hasConfirmed(descriptor)) return;
    const pushing = this.#upload(descriptor, content, options).finally(() => this.#pushing.delete(digest));
    this.#pushing.set(digest, pushing);
    await pushing;
  }

  async #upload(descriptor: Descriptor, content: Content, options: CallOptions): Promise<void> {
    const upload = { client: this.#client, repository: this.#repository, descriptor, content, options };
    const session = await this.#begin(upload);
    if (session !== undefined) await uploadBlob(upload, session);
    this.#hold(descriptor.digest);
  }

  /**
   * Has the registry take over a blob from another of its repositories (distribution-spec,
   * "Mounting a blob from another repository"). Returns false if it does not: the blob must then be
   * pushed.
   */
  async mount({ digest }: Descriptor, from: string, { signal }: CallOptions): Promise<boolean> {
    const query = new URLSearchParams({ mount: digest, from });
    try {
      const response = await this.#client.send({
        method: 'POST',
        to: `${this.#repository}/blobs/uploads/?${query}`,
        scopes: [repositoryScope(this.#repository, 'pull,push'), repositoryScope(from, 'pull')],
        // Whatever else it answers, such as that we may not read there: the blob can still be sent.
        expect: [201, 202, 400, 401, 403, 404, 405],
        headers: { 'content-length': '0' },
        signal,
      });
      await response.discard();
      return response.status === 201;
    } catch (error) {
      // The token service does not let us read there.
      if (error instanceof FairleadError && error.kind === 'Unauthenticated') return false;
      throw error;
    }
  }

  async delete({ digest }: Descriptor, { signal }: CallOptions): Promise<void> {
    this.#held.delete(digest);
    const response = await this.#client.send({
      method: 'DELETE',
      to: `${this.#repository}/blobs/${digest}`,
      scopes: [repositoryScope(this.#repository, 'delete,pull,push')],
      expect: [200, 202],
      signal,
    });
    await response.discard();
  }

  /** Forgets which blobs the repository has: they are asked for again. */
  forget(): void {
    this.#held.clear();
  }

  /**
   * Begins the upload of a blob; returns undefined if the repository has the blob. Both are asked
   * in one request, if the registry can, and the registry may store small content with it.
   */
  async #begin(upload: Upload): Promise<UploadSession | undefined> {
    if (this.#knowsMounts) {
      const atOnce = this.#storesAtOnce ? smallContent(upload) : undefined;
      const answer = await beginUploadIfAbsent(upload, atOnce);
      if (answer === 'held') return undefined;
      if (atOnce !== undefined) this.#storesAtOnce = false;
      if (answer !== 'unclear') return answer;
      this.#knowsMounts = false;
    }
    return (await this.exists(upload.descriptor, upload.options)) ? undefined : beginUpload(upload);
  }

  #hold(digest: Digest): void {
    this.#held.delete(digest);
    this.#held.set(digest, performance.now() + heldTime);
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= heldLimit) break;
      this.#held.delete(oldest);
    }
  }
}

/** Returns the content of an upload if it may be sent in vain. */
function smallContent({ content }: Upload): Uint8Array | undefined {
  return content instanceof Uint8Array && content.length <= atOnceBytes ? content : undefined;
}

/** Waits for the end of the call of another caller, however it ends. The signal ends the wait. */
async function waitFor(other: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  const ended = other.catch(() => undefined);
  if (signal === undefined) return ended;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<void>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([ended, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
