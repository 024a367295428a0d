import { FairleadError } from '#lib/errors';
import type { RuntimeKind } from '#lib/profile/profile';
import { type Descriptor, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { quote } from '#lib/text/quote';
import { type ProfileLayout, profileMediaTypes } from './artifact.ts';
import { otherContent } from './other-content.ts';

const kinds = new Map<string, RuntimeKind>(
  Object.entries(profileMediaTypes).map(([kind, mediaType]) => [mediaType, kind as RuntimeKind]),
);

/** The kind and layout of a profile, read from its manifest. */
export interface RecognizedLayout {
  readonly kind: RuntimeKind;
  readonly layout: ProfileLayout;
  /** Descriptor of the layer that holds the profile. */
  readonly layer: Descriptor;
}

/**
 * Recognizes the kind and layout of a profile from the manifest alone (KEP-6061, artifact format):
 * by the config's media type, which artifactType may repeat, or by artifactType if the config is
 * the empty one; exactly one layer; no content outside of the registry.
 * Throws ProfileInvalid for any other manifest; `name` identifies the artifact in the message.
 */
export function recognizeLayout(manifest: Manifest, name: string): RecognizedLayout {
  const byArtifactType = manifest.config.mediaType === mediaTypes.emptyConfig;
  const declared = byArtifactType ? manifest.artifactType : manifest.config.mediaType;
  const kind = declared === undefined ? undefined : kinds.get(declared);
  if (kind === undefined) {
    const is = otherContent(manifest);
    const field = byArtifactType ? 'artifactType' : 'config media type';
    throw new FairleadError(
      'ProfileInvalid',
      `${name} is ${is === undefined ? 'not a security profile' : `${is}, not a security profile`}: its ${field} is ${JSON.stringify(declared ?? '')}`,
      {
        hint: `The config media type of a profile (or its artifactType, with the empty config) is ${[...kinds.keys()].join(' or ')}.`,
      },
    );
  }
  if (manifest.artifactType !== undefined && manifest.artifactType !== declared) {
    throw new FairleadError(
      'ProfileInvalid',
      `${name} contradicts itself: its artifactType is ${quote(manifest.artifactType, 200)}, and its config media type is ${JSON.stringify(declared)}`,
      { hint: 'Set both to the same type, or leave out artifactType.' },
    );
  }
  const [layer, ...more] = manifest.layers;
  if (layer === undefined || more.length > 0) {
    throw new FairleadError('ProfileInvalid', `${name} has ${manifest.layers.length} layers: want exactly one`);
  }
  requireOwnContent(`config of ${name}`, manifest.config);
  requireOwnContent(`layer of ${name}`, layer);
  const isTar = layer.mediaType.split('+')[0] === mediaTypes.imageLayer;
  return { kind, layout: kind === 'Seccomp' && isTar ? 'crio' : 'runtime', layer };
}

function requireOwnContent(what: string, { urls = [] }: Descriptor): void {
  if (urls.length === 0) return;
  throw new FairleadError('ProfileInvalid', `${what} has external URLs, which are not read`, {
    hint: 'Publish the content itself: fairlead push.',
  });
}
