import type { Descriptor } from '../descriptor.ts';
import type { Digest } from '../digest.ts';
import type { CallOptions, Content } from '../target.ts';
import type { RegistryClient } from './api.ts';
import { uploadBlob } from './upload.ts';
import { beginUpload, beginUploadIfAbsent, type Upload, type UploadSession } from './upload-session.ts';

/**
 * How many blobs are remembered, and for how many milliseconds: a registry that cleans up keeps
 * what is new for longer.
 */
const heldLimit = 1000;
const heldTime = 60_000;

/** Pushes blobs to one repository, and sends none that it has. */
export interface BlobPusher {
  /** Rejects as {@link uploadBlob} does. */
  push(descriptor: Descriptor, content: Content, options: CallOptions): Promise<void>;
  /** Believes no more that the repository has what it was seen to have: one digest, or all. */
  forget(digest?: Digest): void;
}

/**
 * `exists` asks the registry whether it has a blob. Profiles share their config: what was seen in
 * the repository a moment ago is neither asked for nor sent again. For the rest, the question
 * whether it is there and the beginning of its upload are one request.
 */
export function createBlobPusher(
  client: RegistryClient,
  repository: string,
  exists: (descriptor: Descriptor, options: CallOptions) => Promise<boolean>,
): BlobPusher {
  /** Blobs that the repository had, and until when that is believed; the oldest first. */
  const held = new Map<Digest, number>();
  let knowsMounts = true;

  /** An upload that is to be made; undefined where the repository has the blob. */
  const begin = async (upload: Upload): Promise<UploadSession | undefined> => {
    if (knowsMounts) {
      const answer = await beginUploadIfAbsent(upload);
      if (answer === 'held') return undefined;
      if (answer !== 'unclear') return answer;
      knowsMounts = false;
    }
    return (await exists(upload.descriptor, upload.options)) ? undefined : beginUpload(upload);
  };

  return {
    async push(descriptor, content, options) {
      if ((held.get(descriptor.digest) ?? 0) > performance.now()) return;
      const upload = { client, repository, descriptor, content, options };
      const session = await begin(upload);
      if (session !== undefined) await uploadBlob(upload, session);
      held.delete(descriptor.digest);
      held.set(descriptor.digest, performance.now() + heldTime);
      for (const oldest of held.keys()) {
        if (held.size <= heldLimit) break;
        held.delete(oldest);
      }
    },
    forget(digest) {
      if (digest === undefined) held.clear();
      else held.delete(digest);
    },
  };
}
