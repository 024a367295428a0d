import type { Manifest } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import type { Artifact, Blob } from './artifact.ts';

/**
 * Assembles an artifact from a manifest and its blobs; the descriptor is computed from the bytes of
 * the manifest.
 */
export function assembleArtifact(manifest: Manifest, blobs: readonly Blob[]): Artifact {
  const manifestBytes = new TextEncoder().encode(JSON.stringify(manifest));
  return {
    descriptor: {
      mediaType: manifest.mediaType,
      digest: digestOf(manifestBytes),
      size: manifestBytes.length,
      ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
    },
    manifest,
    manifestBytes,
    blobs,
  };
}

/** Returns content with its descriptor. */
export function blob(mediaType: string, bytes: Uint8Array, annotations?: Readonly<Record<string, string>>): Blob {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return { descriptor: annotations === undefined ? descriptor : { ...descriptor, annotations }, bytes };
}
