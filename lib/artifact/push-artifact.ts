import type { CallOptions, Pusher, Tagger } from '#lib/registry/target';
import type { Artifact } from './artifact.ts';

/**
 * Pushes an artifact: its blobs, the manifest by digest, then the signature in the same way, and the tag last, so that
 * nothing unsigned or half-sent ever stands under a tag. `signature` is a manifest whose subject is the artifact.
 * Rejects with whatever the target rejects with; what was sent by then stays, without a tag.
 */
export async function pushArtifact(
  target: Pusher & Tagger,
  artifact: Artifact,
  signature: Artifact | undefined,
  tag: string | undefined,
  options: CallOptions = {},
): Promise<void> {
  await pushWhole(target, artifact, options);
  if (signature !== undefined) await pushWhole(target, signature, options);
  if (tag !== undefined) await target.tag(artifact.descriptor, tag, options);
}

async function pushWhole(target: Pusher, artifact: Artifact, options: CallOptions): Promise<void> {
  await Promise.all(artifact.blobs.map(({ descriptor, bytes }) => target.push(descriptor, bytes, options)));
  await target.push(artifact.descriptor, artifact.manifestBytes, options);
}
