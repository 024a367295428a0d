import type { ArtifactKind } from './binding.ts';
import type { OciField } from './delivery.ts';

/** An artifact that an object of the cluster holds. */
export interface HeldArtifact {
  /** The name of the object. */
  readonly name: string;
  readonly kind: 'Seccomp' | 'AppArmor';
  /** The image to which it is attached, as `registry/repository@sha256:<64 hex digits>`. */
  readonly image?: string | undefined;
  /** `registry/repository@sha256:<64 hex digits>`; undefined while no digest is in force. */
  readonly reference?: string | undefined;
  /** Why no digest is in force, as a condition of the object states it, if it does yet. */
  readonly problem?: string | undefined;
  /** The reference that was in force last, if the trust policy no longer allows it. */
  readonly withdrawn?: string | undefined;
}

/** A SeccompProfile. */
export interface HeldSeccompProfile {
  /** The file that nodes have; undefined until all of them have it. */
  readonly localhostProfile?: string | undefined;
  /** Why not all have it, as a condition of the object states it, if it does yet. */
  readonly problem?: string | undefined;
}

/** What is known of the objects that bindings refer to. */
export interface ClusterState {
  /** Returns the labels of a namespace; undefined if it is not known. */
  namespaceLabels(namespace: string): ReadonlyMap<string, string> | undefined;
  /** Returns an object with an artifact. A kind of the cluster ignores the namespace. */
  artifact(kind: ArtifactKind, namespace: string, name: string): HeldArtifact | undefined;
  /**
   * Returns all objects whose artifact is the one that is attached to an image, given as
   * `registry/repository@sha256:<64 hex digits>` with its canonical name; without one, to any.
   */
  imageArtifacts(kind: ArtifactKind, namespace: string, image: string | undefined): readonly HeldArtifact[];
  seccompProfile(name: string): HeldSeccompProfile | undefined;
  /**
   * Returns the field with which artifacts are written into the pods of a namespace by the type OCI
   * (delivery.ts); undefined where they are written as Localhost profiles, as by default.
   */
  ociField?(namespace: string): OciField | undefined;
}
