import type { RuntimeKind } from '#lib/profile/profile';
import type { Descriptor, Manifest } from '#lib/registry/descriptor';

/** Content together with the descriptor that names it. */
export interface Blob {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** A profile as an OCI artifact, whole and in memory: it is small (1 MiB by default). */
export interface Artifact {
  /** Descriptor of the manifest: the artifact's identity. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  /** The manifest exactly as it stands in the registry; its digest is `descriptor.digest`. */
  readonly manifestBytes: Uint8Array;
  /** Config and layers. */
  readonly blobs: readonly Blob[];
}

/**
 * Config media type, and artifactType, of the runtime layout by kind (KEP-6061, artifact format).
 */
export const profileMediaTypes: Readonly<Record<RuntimeKind, string>> = {
  Seccomp: 'application/vnd.cncf.seccomp-profile.config.v1+json',
  AppArmor: 'application/vnd.cncf.apparmor-profile.config.v1+json',
};
