import { FairleadError } from '#lib/errors';
import type { RuntimeProfile } from '#lib/profile/profile';
import { renderProfile } from '#lib/profile/render-profile';
import { emptyConfigBytes, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { type ProfileArtifact, type ProfileLayout, profileMediaTypes } from './artifact.ts';
import { assembleArtifact, blob } from './assemble-artifact.ts';
import { describeProfile, profileAnnotations } from './describe-profile.ts';

/** How packArtifact packs a profile. */
export interface PackOptions {
  /**
   * How the profile lies in the registry; `runtime` is what KEP-6061 names, and what runtimes read.
   */
  readonly layout: Extract<ProfileLayout, 'runtime'>;
  /**
   * The profile as its author wrote it, in the runtime's own format: published byte for byte,
   * because that is what he vouches for. Without it, the profile is rendered.
   */
  readonly content?: Uint8Array | undefined;
  /**
   * File name of the profile, which changes the digest: the layer's title, and where the profile's
   * name comes from. Without it, the title is `profile.json` for every profile, because oras and
   * its like write no file without one, and the artifact has no name.
   */
  readonly title?: string | undefined;
  /**
   * Annotations of the manifest. Those that tell the kind and the architectures come from the
   * profile itself.
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Without it no time is written, and the same input gives the same digest. */
  readonly created?: Date | undefined;
}

/**
 * What the layer is: JSON, and no tar, so the media type that files get from some tools is not
 * used.
 */
const layerMediaType = 'application/json';
const defaultTitle = 'profile.json';

/** Follow from the profile: nobody may say otherwise. */
const fixedAnnotations = new Set<string>([profileAnnotations.kind, profileAnnotations.architectures]);

const annotationKey = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,254}$/;
const maxAnnotationBytes = 64 * 1024;

/**
 * Packs a profile as an OCI artifact in the runtime layout (KEP-6061, artifact format): the kind is
 * told by the config's media type and by artifactType, and one raw layer is the profile.
 * Reproducible: the same input gives the same digest. Throws InvalidInput for a title that is no
 * file name and for annotations that contradict the profile.
 */
export function packArtifact(
  profile: RuntimeProfile,
  { layout, content, title, annotations = {}, created }: PackOptions,
): ProfileArtifact {
  if (title !== undefined) assertFileName(title);
  const mediaType = profileMediaTypes[profile.kind];
  const config = blob(mediaType, emptyConfigBytes);
  const layer = blob(layerMediaType, content ?? renderProfile(profile), {
    'org.opencontainers.image.title': title ?? defaultTitle,
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType: mediaType,
    config: config.descriptor,
    layers: [layer.descriptor],
    annotations: manifestAnnotations(describeProfile(profile, title), annotations, created),
  };
  return { ...assembleArtifact(manifest, [config, layer]), kind: profile.kind, layout, layer };
}

function manifestAnnotations(
  described: ReturnType<typeof describeProfile>,
  given: Readonly<Record<string, string>>,
  created: Date | undefined,
): Record<string, string> {
  for (const [key, value] of Object.entries(given)) {
    if (!annotationKey.test(key))
      throw new FairleadError('InvalidInput', `not an annotation key: ${JSON.stringify(key)}`);
    const fixed = described.fixed[key];
    if (fixed !== value && fixedAnnotations.has(key)) {
      throw new FairleadError(
        'InvalidInput',
        `annotation ${key} is ${JSON.stringify(value)}, but the profile says ${fixed === undefined ? 'nothing of it' : JSON.stringify(fixed)}`,
        {
          hint: 'Leave this annotation out: it is taken from the profile.',
        },
      );
    }
  }
  const merged = {
    ...described.defaults,
    ...(created === undefined ? {} : { 'org.opencontainers.image.created': created.toISOString() }),
    ...given,
    ...described.fixed,
  };
  // Sorted, so that the order in which they were given does not change the digest.
  const sorted = Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1));
  if (Buffer.byteLength(JSON.stringify(sorted)) > maxAnnotationBytes) {
    throw new FairleadError('LimitExceeded', 'the annotations are over 64 KiB');
  }
  return Object.fromEntries(sorted);
}

function assertFileName(title: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (title.length > 255 || /^\.{0,2}$|[/\\\u0000-\u001f\u007f]/.test(title)) {
    throw new FairleadError('InvalidInput', `not a file name: ${JSON.stringify(title.slice(0, 300))}`, {
      hint: 'The title of a profile is a plain file name such as nginx.json.',
    });
  }
}
