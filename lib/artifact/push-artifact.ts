import { pushTagged } from '#lib/registry/one-request';
import type { CallOptions, Pusher, Tagger } from '#lib/registry/target';
import type { Artifact } from './artifact.ts';

/**
 * Pushes an artifact: its blobs, the manifest by digest, then the signature in the same way, and the tag last (with the manifest where no
 * signature comes between), so that nothing unsigned or half-sent ever stands under a tag. `signature` is a manifest whose subject is the artifact.
 * Rejects with whatever the target rejects with; what was sent by then stays, without a tag.
 */
export async function pushArtifact(
  target: Pusher & Tagger,
  artifact: Artifact,
  signature: Artifact | undefined,
  tag: string | undefined,
  options: CallOptions = {},
): Promise<void> {
  await pushBlobs(target, artifact, options);
  const { descriptor, manifestBytes } = artifact;
  if (signature === undefined && tag !== undefined) return pushTagged(target, descriptor, manifestBytes, tag, options);
  await target.push(descriptor, manifestBytes, options);
  if (signature !== undefined) {
    await pushBlobs(target, signature, options);
    await target.push(signature.descriptor, signature.manifestBytes, options);
  }
  if (tag !== undefined) await target.tag(descriptor, tag, options);
}

async function pushBlobs(target: Pusher, { blobs }: Artifact, options: CallOptions): Promise<void> {
  await Promise.all(blobs.map(({ descriptor, bytes }) => target.push(descriptor, bytes, options)));
}
