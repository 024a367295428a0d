import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { profileMediaTypes } from './artifact.ts';
import { otherContent } from './other-content.ts';

const kinds = new Map<string, RuntimeKind>(
  Object.entries(profileMediaTypes).map(([kind, mediaType]) => [mediaType, kind as RuntimeKind]),
);

/** How a profile lies in an artifact, as its manifest tells. */
export interface Layout {
  readonly kind: RuntimeKind;
  /**
   * `runtime` is that of KEP-6061: one raw layer, in the form of runtimes. `crio` is what CRI-O
   * reads besides for its annotations, and `oras push` writes: the layer calls itself a tar, is one
   * or is raw, and is read as CRI-O does.
   */
  readonly name: 'runtime' | 'crio';
  readonly layer: Descriptor;
}

/**
 * Tells from the manifest alone which kind of profile it holds, and how (KEP-6061, artifact
 * format): by the config's media type, or by artifactType where the config is the empty one;
 * exactly one layer. Throws ProfileInvalid for everything else; `name` is how the message calls the
 * artifact.
 */
export function recognizeLayout(manifest: Manifest, name: string): Layout {
  const byArtifactType = manifest.config.mediaType === mediaTypes.emptyConfig;
  const told = byArtifactType ? manifest.artifactType : manifest.config.mediaType;
  const kind = told === undefined ? undefined : kinds.get(told);
  if (kind === undefined) {
    const is = otherContent(manifest);
    const where = byArtifactType ? 'artifactType' : 'config media type';
    throw new FairleadError(
      'ProfileInvalid',
      `${name} is ${is === undefined ? 'no security profile' : `${is}, and no security profile`}: its ${where} is ${JSON.stringify(told ?? '')}`,
      {
        hint: `A profile's config media type (or artifactType, with the empty config) is ${[...kinds.keys()].join(' or ')}.`,
      },
    );
  }
  const [layer, ...more] = manifest.layers;
  if (layer === undefined || more.length > 0) {
    throw new FairleadError(
      'ProfileInvalid',
      `${name} has ${manifest.layers.length} layers; a profile has exactly one`,
    );
  }
  const isTar = layer.mediaType.split('+')[0] === mediaTypes.imageLayer;
  return { kind, name: kind === 'Seccomp' && isTar ? 'crio' : 'runtime', layer };
}
