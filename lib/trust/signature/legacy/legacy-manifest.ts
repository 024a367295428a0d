import type { Artifact, Blob } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestParts } from '#lib/registry/digest';

/** What cosign 2 stores beside an artifact, by the suffix of the tag: signatures, attestations. */
export type LegacyKind = 'sig' | 'att';

/** The most bytes of a manifest under a legacy tag. */
export const legacyManifestBytes = 1024 * 1024;

const configMediaType = 'application/vnd.oci.image.config.v1+json';

/**
 * Returns the tag under which cosign 2 stores signatures or attestations of an artifact; undefined
 * if the digest does not fit into a tag (sha512).
 */
export function legacyTag({ digest }: Pick<Descriptor, 'digest'>, kind: LegacyKind): string | undefined {
  const { algorithm, hex } = digestParts(digest);
  return algorithm === 'sha256' ? `${algorithm}-${hex}.${kind}` : undefined;
}

/**
 * Packs the manifest that goes under a legacy tag: one layer for each signature or attestation, so
 * those that are there already (`existing`) are kept. Their blobs are not in the result: they are
 * there too.
 */
export function withLegacyLayer(existing: readonly Descriptor[] = [], layer: Blob): Artifact {
  return legacyManifest([...existing, layer.descriptor], [layer]);
}

/** Packs the manifest of some layers. `blobs` are those of them that go into the result. */
export function legacyManifest(layers: readonly Descriptor[], blobs: readonly Blob[]): Artifact {
  const config = blob(configMediaType, imageConfig(layers));
  return assembleArtifact({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers }, [
    config,
    ...blobs,
  ]);
}

/**
 * Throws LimitExceeded for more bytes than readers accept under a legacy tag: no reader would find
 * a signature in it.
 */
export function assertReadable(tag: string, bytes: number): void {
  if (bytes <= legacyManifestBytes) return;
  throw new FairleadError(
    'LimitExceeded',
    `the manifest of tag ${tag} would have ${bytes} bytes: want at most ${legacyManifestBytes}, which readers accept`,
    { hint: 'Nothing was changed. Sign in the bundle format, or remove useless signatures under that tag.' },
  );
}

/**
 * Reports whether two layers are the same signature: those of the same bytes differ in their
 * annotations only.
 */
export function isSameLayer(a: Descriptor, b: Descriptor): boolean {
  const sorted = ({ annotations = {} }: Descriptor): string => JSON.stringify(Object.entries(annotations).sort());
  return a.digest === b.digest && sorted(a) === sorted(b);
}

/**
 * Returns the config of an image with these layers: readers of the legacy format expect an image.
 */
function imageConfig(layers: readonly Descriptor[]): Uint8Array {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  return new TextEncoder().encode(JSON.stringify({ architecture: '', os: '', config: {}, rootfs }));
}
