import type { Descriptor, Index, Manifest } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { isManifestMediaType, manifestBytesLimit, parseAnyManifest } from '#lib/registry/manifest';
import type { CallOptions, Fetcher } from '#lib/registry/target';

/**
 * The fields that identify content. Docker's manifests have other media types than Manifest and
 * Index.
 */
type AnyManifest = Pick<Manifest, 'artifactType' | 'config' | 'layers'> | Pick<Index, 'manifests'>;

const imageConfig = /^application\/vnd\.(oci\.image\.config|docker\.container\.image)\.v1\+json$/;
const imageLayer = /^application\/vnd\.(oci\.image\.layer|docker\.image\.rootfs)\./;

/**
 * Other content of registries, by the media type of its config, its artifactType, or the media type
 * of its only kind of layer.
 */
const others: readonly (readonly [type: RegExp, name: string])[] = [
  [/^application\/vnd\.cncf\.helm\.config\./, 'a Helm chart'],
  [/^application\/vnd\.(dev\.sigstore\.bundle|dev\.cosign\.|cncf\.notary\.signature)/, 'a signature or attestation'],
];

/**
 * Returns the usual name of the content of a manifest or index that is not a security profile, such
 * as `a container image`; undefined if it is unknown.
 */
export function otherContent(manifest: AnyManifest): string | undefined {
  if ('manifests' in manifest) {
    // BuildKit lists its attestations under an unknown platform.
    const platforms = manifest.manifests.flatMap(({ platform, artifactType }) =>
      platform === undefined || platform.os === 'unknown' || artifactType !== undefined
        ? []
        : [`${platform.os}/${platform.architecture}`],
    );
    if (platforms.length === 0) return undefined;
    return `an index for ${[...new Set(platforms)].slice(0, 8).join(', ')}, as for container images`;
  }
  const { artifactType, config, layers } = manifest;
  const isImage = artifactType === undefined && layers.every(({ mediaType }) => imageLayer.test(mediaType));
  if (imageConfig.test(config.mediaType) && isImage) return 'a container image';
  const types = [config.mediaType, artifactType ?? '', ...layers.map(({ mediaType }) => mediaType)];
  return others.find(([pattern]) => types.some((type) => pattern.test(type)))?.[1];
}

/**
 * Fetches a manifest or index, and returns the name of its content as otherContent does. Throws as
 * fetchBytes and parseAnyManifest do.
 */
export async function fetchOtherContent(
  fetcher: Fetcher,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<string | undefined> {
  const { mediaType, digest } = descriptor;
  if (!isManifestMediaType(mediaType)) return undefined;
  const bytes = await fetchBytes(fetcher, descriptor, { ...options, limit: manifestBytesLimit });
  return otherContent(parseAnyManifest(mediaType, bytes, digest));
}
