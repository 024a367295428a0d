import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { type Descriptor, emptyConfigBytes, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { signPredicateType } from './predicate-type.ts';
import { bundleMediaType, predicateTypeAnnotation } from './signature.ts';

const contentAnnotation = 'dev.sigstore.bundle.content';

/**
 * Packs a bundle as the referrer that cosign 3 writes: one layer, the empty config, and the signed
 * manifest as its subject. `predicateType` is that of the statement in the bundle, a plain
 * signature by default. `created` is optional; cosign always writes it and never reads it.
 */
export function packSignature(
  subject: Descriptor,
  bundle: Uint8Array,
  { created, predicateType = signPredicateType }: { created?: Date | undefined; predicateType?: string } = {},
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
        [contentAnnotation]: 'dsse-envelope',
        [predicateTypeAnnotation]: predicateType,
        ...(created === undefined ? {} : { 'org.opencontainers.image.created': created.toISOString() }),
      },
    },
    [config, layer],
  );
}

/**
 * Reports whether a manifest is as packSignature and cosign 3 write it: every reader of bundles
 * finds it by these types.
 */
export function isPackedSignature(
  { artifactType, layers, annotations = {} }: Manifest,
  predicateType: string,
): boolean {
  return (
    artifactType === bundleMediaType &&
    layers.length === 1 &&
    layers[0]?.mediaType === bundleMediaType &&
    annotations[contentAnnotation] === 'dsse-envelope' &&
    annotations[predicateTypeAnnotation] === predicateType
  );
}
