import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { digestParts } from '#lib/registry/digest';
import { formatRepository, type Reference } from '#lib/registry/reference';
import type { Signer } from './key.ts';
import { legacyPayload, legacyPayloadMediaType, legacySignatureAnnotation } from './legacy-payload.ts';

const configMediaType = 'application/vnd.oci.image.config.v1+json';

/** The tag under which cosign 2 keeps the signatures of an artifact; undefined where a tag cannot hold the digest (sha512). */
export function legacySignatureTag({ digest }: Descriptor): string | undefined {
  const { algorithm, hex } = digestParts(digest);
  return algorithm === 'sha256' ? `${algorithm}-${hex}.sig` : undefined;
}

/**
 * Signs an artifact as cosign 2 does, and packs the manifest that goes under {@link legacySignatureTag}: one layer for each
 * signature, so those that are there already (`existing`) are kept. Their blobs are not in the result: they are there too.
 */
export async function signLegacy(
  descriptor: Descriptor,
  reference: Pick<Reference, 'registry' | 'repository'>,
  signer: Signer,
  existing: Manifest | undefined,
): Promise<Artifact> {
  const payload = legacyPayload(descriptor, formatRepository(reference));
  const signature = Buffer.from(await signer.sign(payload)).toString('base64');
  const layer = blob(legacyPayloadMediaType, payload, { [legacySignatureAnnotation]: signature });
  const layers = [...(existing?.layers ?? []), layer.descriptor];
  const config = blob(configMediaType, imageConfig(layers));
  return assembleArtifact({ schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers }, [
    config,
    layer,
  ]);
}

/** The config of an image whose layers these are: readers of the legacy form take it for an image. */
function imageConfig(layers: readonly Descriptor[]): Uint8Array {
  const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) };
  return new TextEncoder().encode(JSON.stringify({ architecture: '', os: '', config: {}, rootfs }));
}
