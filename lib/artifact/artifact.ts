import type { RuntimeKind } from '#lib/profile/profile';
import type { Descriptor, Manifest } from '#lib/registry/descriptor';

/** Content together with the descriptor that names it. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** Any OCI artifact in memory: a profile, or a signature. */
export interface Artifact {
  /** Descriptor of the manifest, which identifies the artifact. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** The bytes of the manifest in the registry; their digest is `descriptor.digest`. */
  readonly manifestBytes: Uint8Array;
  /** Config and layers. */
  readonly blobs: readonly Blob[];
}

/**
 * How the profile is stored in an artifact. `runtime` is the layout of KEP-6061: one raw layer, in
 * the form that runtimes read. `crio` is what CRI-O also reads for its annotations, and `oras push`
 * writes: the media type of the layer is that of a tar; the layer is a tar or raw, and is read as
 * CRI-O reads it.
 */
export type ProfileLayout = 'runtime' | 'crio';

/**
 * A profile as an OCI artifact. Kind, layout and layer are read from the manifest once, by
 * packArtifact or fetchArtifact.
 */
export interface ProfileArtifact extends Artifact {
  readonly kind: RuntimeKind;
  readonly layout: ProfileLayout;
  /** The layer that holds the profile. */
  readonly layer: Blob;
}

/**
 * Most bytes of a profile's manifest: it has two descriptors and annotations. Runtimes refuse
 * longer ones.
 */
export const maxManifestBytes = 64 * 1024;

/** Config media type and artifactType of the runtime layout by kind (KEP-6061, artifact format). */
export const profileMediaTypes: Readonly<Record<RuntimeKind, string>> = {
  Seccomp: 'application/vnd.cncf.seccomp-profile.config.v1+json',
  AppArmor: 'application/vnd.cncf.apparmor-profile.config.v1+json',
};
