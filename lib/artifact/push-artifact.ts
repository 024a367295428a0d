import { pushTagged } from '#lib/registry/one-request';
import type { CallOptions, Pusher, Tagger } from '#lib/registry/target';
import type { Artifact } from './artifact.ts';

/**
 * Pushes an artifact: its blobs, the manifest by digest, then the signature in the same way, and
 * the tag last (with the manifest if there is no signature), so that nothing unsigned or incomplete
 * is ever found under a tag. `signature` is a manifest whose subject is the artifact. Rejects with
 * whatever the target rejects with; what was sent before stays, without a tag.
 */
export async function pushArtifact(
  target: Pusher & Tagger,
  artifact: Artifact,
  signature: Artifact | undefined,
  tag: string | undefined,
  options: CallOptions = {},
): Promise<void> {
  await pushBlobs(target, artifact, options);
  if (signature === undefined) return pushManifest(target, artifact, tag, options);
  await pushManifest(target, artifact, undefined, options);
  await pushArtifact(target, signature, undefined, undefined, options);
  if (tag !== undefined) await target.tag(artifact.descriptor, tag, options);
}

/**
 * Pushes the manifest of an artifact whose blobs are there: by digest, or with its tag in one
 * request. Rejects with whatever the target rejects with.
 */
export async function pushManifest(
  target: Pusher & Tagger,
  { descriptor, manifestBytes }: Artifact,
  tag: string | undefined,
  options: CallOptions = {},
): Promise<void> {
  if (tag === undefined) return target.push(descriptor, manifestBytes, options);
  return pushTagged(target, descriptor, manifestBytes, tag, options);
}

/**
 * Pushes the blobs of an artifact at the same time. Rejects with whatever the target rejects with.
 */
export async function pushBlobs(target: Pusher, { blobs }: Artifact, options: CallOptions = {}): Promise<void> {
  await Promise.all(blobs.map(({ descriptor, bytes }) => target.push(descriptor, bytes, options)));
}
