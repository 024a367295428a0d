import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { bundleMediaType, predicateTypeAnnotation } from './signature.ts';
import { signPredicateType } from './statement.ts';

/**
 * Packs a bundle as the referrer that cosign 3 writes: one layer, the empty config, `subject` the signed manifest.
 * `created` is written where it is given; cosign writes it always and reads it never.
 */
export function packSignature(
  subject: Descriptor,
  bundle: Uint8Array,
  { created }: { created?: Date | undefined } = {},
): Artifact {
  const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
  const layer = blob(bundleMediaType, bundle);
  return assembleArtifact(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      artifactType: bundleMediaType,
      config: config.descriptor,
      layers: [layer.descriptor],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        [predicateTypeAnnotation]: signPredicateType,
        ...(created === undefined ? {} : { 'org.opencontainers.image.created': created.toISOString() }),
      },
    },
    [config, layer],
  );
}
