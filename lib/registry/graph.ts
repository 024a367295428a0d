import { type Descriptor, mediaTypes } from './descriptor.ts';
import { isManifestMediaType, parseAnyManifest } from './manifest.ts';

/** The links of a manifest or index: its parts, its subject, and how it is listed as a referrer. */
export interface Links {
  /** Config and layers of a manifest, or the manifests of an index, in order. */
  readonly children: readonly Descriptor[];
  /** The manifest that this one is about, such as the signed artifact. */
  readonly subject?: Descriptor;
  /**
   * `artifactType` as the referrers API lists it (distribution-spec, "Listing Referrers"): the
   * manifest's own, else its config's media type.
   */
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Reads the links of content by its media type; blobs have none. `name` identifies the content in
 * errors. Throws as parseManifest does.
 */
export function linksOf(mediaType: string, bytes: Uint8Array, name: string): Links {
  if (!isManifestMediaType(mediaType)) return { children: [] };
  const parsed = parseAnyManifest(mediaType, bytes, name);
  const children = 'manifests' in parsed ? parsed.manifests : [parsed.config, ...parsed.layers];
  const artifactType = parsed.artifactType ?? ('config' in parsed ? parsed.config.mediaType : undefined);
  return {
    children,
    ...(parsed.subject === undefined ? {} : { subject: parsed.subject }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(parsed.annotations === undefined ? {} : { annotations: parsed.annotations }),
  };
}

/**
 * Returns the descriptor by which a manifest is listed among the referrers of its subject
 * (distribution-spec, "Listing Referrers").
 */
export function referrerDescriptor(descriptor: Descriptor, links: Links): Descriptor {
  return {
    mediaType: descriptor.mediaType,
    digest: descriptor.digest,
    size: descriptor.size,
    ...(links.artifactType === undefined ? {} : { artifactType: links.artifactType }),
    ...(links.annotations === undefined ? {} : { annotations: links.annotations }),
  };
}

/**
 * Removes the referrers that are certainly of another artifact type. An entry without a type, or
 * with that of the empty config (as some registries and older tools list it), may be of any type:
 * it stays.
 */
export function ofArtifactType(listed: Descriptor[], artifactType: string | undefined): Descriptor[] {
  if (artifactType === undefined) return listed;
  const possible = [undefined, mediaTypes.emptyConfig, artifactType];
  return listed.filter((descriptor) => possible.includes(descriptor.artifactType));
}
