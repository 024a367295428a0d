import type { RuntimeKind } from '#lib/profile/profile';
import type { CallCounts } from '#lib/profile/seccomp/call-counts';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';

/** Who signed an artifact, as the builder of the catalog has verified it. */
export type CatalogSigner =
  /** `key` is the SHA-256 of the SPKI DER of the public key, in hex. */
  { readonly key: string } | { readonly issuer: string; readonly identity: string };

export type { CallCounts };

/** One profile artifact in a catalog. */
export interface CatalogEntry {
  readonly registry: string;
  readonly repository: string;
  /** Descriptor of the manifest, with its artifactType. */
  readonly descriptor: Descriptor;
  readonly kind: RuntimeKind;
  /** Tags that pointed to it when the catalog was built, the newest version first; may be empty. */
  readonly tags: readonly string[];
  /** One line of its publisher. */
  readonly summary?: string;
  /** Architectures by the names of Go, such as `amd64`; empty if the profile lists none. */
  readonly architectures: readonly string[];
  /** Repositories of the container images that its publisher made it for, without tag. */
  readonly images: readonly string[];
  /** Manifest of the image in the same repository that it is attached to. */
  readonly subject?: Digest;
  /** When it was published, RFC 3339, if its publisher states that. */
  readonly created?: string;
  /** Empty if it has no signature by a signer that the builder's policy names. */
  readonly signers: readonly CatalogSigner[];
  /** Absent for kinds other than Seccomp. */
  readonly calls?: CallCounts;
  /** Annotations of the manifest. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** All artifacts of one repository: a profile with its versions. */
export interface CatalogProfile {
  readonly registry: string;
  readonly repository: string;
  /** The last segment of the repository. */
  readonly name: string;
  /** The newest version first; never empty. */
  readonly versions: readonly [CatalogEntry, ...CatalogEntry[]];
}
