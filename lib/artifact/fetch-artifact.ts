import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import type { Fetcher } from '#lib/registry/target';
import type { Blob, ProfileArtifact } from './artifact.ts';
import { recognizeLayout } from './recognize-layout.ts';

/** What fetchArtifact accepts. */
export interface FetchLimits {
  /** Most bytes that the profile itself may have. */
  readonly artifactBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** A profile's manifest holds two descriptors and annotations. */
const maxManifestBytes = 256 * 1024;
/** The config is `{}` as a rule; nothing in it is used. */
const maxConfigBytes = 64 * 1024;
const emptyConfigDigest = digestOf(emptyConfigBytes);

/**
 * Fetches a profile artifact whole. What is too large, or is no profile by its manifest, is refused
 * before its content is asked for; a source that sends more than the descriptor says is cut off.
 * Throws ProfileInvalid (KEP-6061: permanent) for an index, another media type, layers other than
 * one, and sizes over the limits, and whatever the fetcher throws.
 */
export async function fetchArtifact(
  fetcher: Fetcher,
  descriptor: Descriptor,
  { artifactBytes, signal }: FetchLimits,
): Promise<ProfileArtifact> {
  const name = descriptor.digest;
  if (descriptor.mediaType !== mediaTypes.manifest) {
    throw new FairleadError(
      'ProfileInvalid',
      `${name} is not a security profile: its media type is ${descriptor.mediaType}`,
      {
        hint:
          descriptor.mediaType === mediaTypes.index
            ? 'It is an index, as container images have for several platforms. Name one of the manifests in it by digest.'
            : `A profile is an ${mediaTypes.manifest}.`,
      },
    );
  }
  assertSize(`manifest ${name}`, descriptor, maxManifestBytes);
  const manifestBytes = await fetchBytes(fetcher, descriptor, { limit: maxManifestBytes, ...given(signal) });
  const manifest = readManifest(manifestBytes, name);
  const { kind, layout, layer: layerDescriptor } = recognizeLayout(manifest, name);
  assertSize(`config of ${name}`, manifest.config, maxConfigBytes);
  assertSize(`profile in ${name}`, layerDescriptor, artifactBytes);
  const fetchBlob = async (of: Descriptor, limit: number): Promise<Blob> => ({
    descriptor: of,
    bytes: await fetchBytes(fetcher, of, { limit, ...given(signal) }),
  });
  // Nearly every config is the empty one: its digest says all of it, so nobody is asked.
  const { config } = manifest;
  const configBlob = isEmptyConfig(config)
    ? { descriptor: config, bytes: emptyConfigBytes }
    : fetchBlob(config, maxConfigBytes);
  const blobs = await Promise.all([configBlob, fetchBlob(layerDescriptor, artifactBytes)]);
  const [, layer] = blobs;
  return { descriptor, manifest, manifestBytes, blobs, kind, layout, layer };
}

function isEmptyConfig({ digest, size }: Descriptor): boolean {
  return digest === emptyConfigDigest && size === emptyConfigBytes.length;
}

function readManifest(bytes: Uint8Array, name: string): Manifest {
  try {
    return parseManifest(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('ProfileInvalid', `manifest ${name} is malformed: ${reason}`, { cause });
  }
}

function assertSize(what: string, { size }: Descriptor, limit: number): void {
  if (size > limit) throw new FairleadError('ProfileInvalid', `${what} has ${size} bytes, over the limit of ${limit}`);
}

function given(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
