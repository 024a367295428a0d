import { FairleadError } from '#lib/errors';
import type { RuntimeProfile } from '#lib/profile/profile';
import { renderProfile } from '#lib/profile/render-profile';
import { type Descriptor, emptyConfigBytes, type Manifest, mediaTypes } from '#lib/registry/descriptor';
import { quote } from '#lib/text/quote';
import { maxManifestBytes, type ProfileArtifact, type ProfileLayout, profileMediaTypes } from './artifact.ts';
import { assembleArtifact, blob } from './assemble-artifact.ts';
import { describeProfile, profileAnnotations } from './describe-profile.ts';

/** How packArtifact packs a profile. */
export interface PackOptions {
  /**
   * How the profile is stored in the registry; `runtime` is the layout of KEP-6061, which runtimes
   * read.
   */
  readonly layout: Extract<ProfileLayout, 'runtime'>;
  /**
   * The profile as its author wrote it, in the form that runtimes read: published byte for byte,
   * because the author vouches for exactly that. Without it, the profile is rendered.
   */
  readonly content?: Uint8Array | undefined;
  /**
   * File name of the profile, which changes the digest: it becomes the title of the layer and the
   * name of the profile. Without it, the title is `profile.json` for every profile, because oras
   * and similar tools write no file without a title, and the artifact has no name.
   */
  readonly title?: string | undefined;
  /**
   * Annotations of the manifest. Those for the kind and the architectures come from the profile
   * itself.
   */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /**
   * The manifest of the container image that the profile is for, in the same repository: the
   * profile becomes one of its referrers.
   */
  readonly subject?: Descriptor | undefined;
  /** Time of creation. Without it no time is written, and the same input gives the same digest. */
  readonly created?: Date | undefined;
}

/** The layer is JSON, not a tar: the media type that some tools use for files would be wrong. */
const layerMediaType = 'application/json';
const defaultTitle = 'profile.json';

/** Derived from the profile; a publisher cannot set them. */
const fixedAnnotations = new Set<string>([profileAnnotations.kind, profileAnnotations.architectures]);

const annotationKey = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,254}$/;

/**
 * Packs a profile as an OCI artifact in the runtime layout (KEP-6061, artifact format): the media
 * type of the config and artifactType specify the kind, and one raw layer is the profile.
 * Reproducible: the same input gives the same digest. Throws InvalidInput for a title that is not a
 * file name and for annotations that contradict the profile, and LimitExceeded for a manifest that
 * readers would refuse.
 */
export function packArtifact(
  profile: RuntimeProfile,
  { layout, content, title, annotations = {}, subject, created }: PackOptions,
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
    ...(subject === undefined ? {} : { subject: bareDescriptor(subject) }),
    annotations: manifestAnnotations(describeProfile(profile, title), annotations, created),
  };
  const artifact = assembleArtifact(manifest, [config, layer]);
  if (artifact.descriptor.size > maxManifestBytes) {
    throw new FairleadError('LimitExceeded', 'with these annotations the manifest has more than 64 KiB', {
      hint: 'Runtimes refuse such a manifest: shorten the annotations.',
    });
  }
  return { ...artifact, kind: profile.kind, layout, layer };
}

/** Leaves out what a registry or an index adds to a descriptor: it must not change the digest. */
function bareDescriptor({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

function manifestAnnotations(
  described: ReturnType<typeof describeProfile>,
  given: Readonly<Record<string, string>>,
  created: Date | undefined,
): Record<string, string> {
  for (const [key, value] of Object.entries(given)) {
    if (!annotationKey.test(key))
      throw new FairleadError('InvalidInput', `invalid annotation key ${JSON.stringify(key)}`);
    const fixed = described.fixed[key];
    if (fixed !== value && fixedAnnotations.has(key)) {
      throw new FairleadError(
        'InvalidInput',
        `annotation ${key} is ${JSON.stringify(value)}, but the profile has ${fixed === undefined ? 'none' : JSON.stringify(fixed)}`,
        {
          hint: 'Omit this annotation: it is taken from the profile.',
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
  // Sorted, so that their order in the input does not change the digest.
  return Object.fromEntries(Object.entries(merged).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function assertFileName(title: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (title.length > 255 || /^\.{0,2}$|[/\\\u0000-\u001f\u007f]/.test(title)) {
    throw new FairleadError('InvalidInput', `invalid file name ${quote(title, 300)}`, {
      hint: 'The title of a profile is a plain file name such as nginx.json.',
    });
  }
}
