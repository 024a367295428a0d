import { FairleadError } from '#lib/errors';
import type { Artifact } from './artifact.ts';
import { recognizeLayout } from './recognize-layout.ts';

/**
 * The profile's document in an artifact, byte for byte as its author published it.
 * Throws ProfileInvalid where the artifact is no profile.
 */
export function profileContent(artifact: Artifact): Uint8Array {
  const name = artifact.descriptor.digest;
  const { layer } = recognizeLayout(artifact.manifest, name);
  const blob = artifact.blobs.find(({ descriptor }) => descriptor.digest === layer.digest);
  if (blob === undefined) throw new FairleadError('Internal', `the content of ${name} was not fetched`);
  return blob.bytes;
}
