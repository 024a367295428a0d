import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import type { Fetcher } from '#lib/registry/target';
import { type Blob, maxManifestBytes, type ProfileArtifact } from './artifact.ts';
import { requireOneReading } from './one-reading.ts';
import { type RecognizedLayout, recognizeLayout } from './recognize-layout.ts';

/** What fetchArtifact accepts. */
export interface FetchLimits {
  /** Most bytes of the profile itself. */
  readonly artifactBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** Most bytes of a config: it is usually `{}`, and not used. */
const maxConfigBytes = 64 * 1024;
const emptyConfigDigest = digestOf(emptyConfigBytes);

/** The manifest of a profile, and what it states about it. */
export interface ProfileManifest extends RecognizedLayout {
  readonly manifest: Manifest;
  readonly manifestBytes: Uint8Array;
}

/**
 * Fetches the manifest of a profile. Throws ProfileInvalid (KEP-6061: permanent) for an index,
 * another media type, a manifest that is too large, that readers read differently, or that is not
 * that of a profile, and whatever the fetcher throws.
 */
export async function fetchProfileManifest(
  fetcher: Fetcher,
  descriptor: Descriptor,
  { signal }: Pick<FetchLimits, 'signal'>,
): Promise<ProfileManifest> {
  const name = descriptor.digest;
  if (descriptor.mediaType !== mediaTypes.manifest) {
    throw new FairleadError(
      'ProfileInvalid',
      `${name} is not a security profile: its media type is ${descriptor.mediaType}`,
      {
        hint:
          descriptor.mediaType === mediaTypes.index
            ? 'It is an index, which container images have for several platforms. Name one of its manifests by digest.'
            : `The media type of a profile is ${mediaTypes.manifest}.`,
      },
    );
  }
  assertSize(`manifest ${name}`, descriptor, maxManifestBytes);
  const manifestBytes = await fetchBytes(fetcher, descriptor, { limit: maxManifestBytes, ...given(signal) });
  const manifest = readManifest(manifestBytes, name);
  return { manifest, manifestBytes, ...recognizeLayout(manifest, name) };
}

/**
 * Fetches the artifact of a profile. If it is too large, or its manifest is not that of a profile,
 * it is refused before its content is requested; a source that sends more than the descriptor
 * specifies is cut off. Throws as fetchProfileManifest does, and ProfileInvalid for a number of
 * layers other than one and for sizes over the limits.
 */
export async function fetchArtifact(
  fetcher: Fetcher,
  descriptor: Descriptor,
  { artifactBytes, signal }: FetchLimits,
): Promise<ProfileArtifact> {
  const name = descriptor.digest;
  const found = await fetchProfileManifest(fetcher, descriptor, { signal });
  const { manifest, manifestBytes, kind, layout, layer: layerDescriptor } = found;
  assertSize(`config of ${name}`, manifest.config, maxConfigBytes);
  assertSize(`profile in ${name}`, layerDescriptor, artifactBytes);
  const fetchBlob = async (of: Descriptor, limit: number): Promise<Blob> => ({
    descriptor: of,
    bytes: await fetchBytes(fetcher, of, { limit, ...given(signal) }),
  });
  // Nearly every config is the empty one, whose digest is known: it needs no request.
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
    requireOneReading(bytes);
    return parseManifest(bytes);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FairleadError('ProfileInvalid', `manifest ${name} is malformed: ${reason}`, { cause });
  }
}

function assertSize(what: string, { size }: Descriptor, limit: number): void {
  if (size > limit)
    throw new FairleadError('ProfileInvalid', `${what} has ${size} bytes, more than the ${limit} allowed`);
}

function given(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
