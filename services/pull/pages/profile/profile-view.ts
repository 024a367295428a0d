import type { CatalogEntry, CatalogProfile } from '#lib/catalog/entry';
import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { Direction } from '#lib/profile/change';
import type { RuntimeKind } from '#lib/profile/profile';
import type { Descriptor } from '#lib/registry/descriptor';
import type { Digest } from '#lib/registry/digest';
import type { Trust } from '../checks/trust.ts';
import type { ProfileAddress } from '../site/addresses.ts';
import type { SeccompSummary } from './seccomp-summary.ts';

/** What the page of a profile shows. */
export interface ProfileView {
  readonly address: ProfileAddress;
  /** The last segment of the repository. */
  readonly name: string;
  /** The tag, or a short digest if it has none. */
  readonly version: string;
  /** What the address of the page names: a tag or a digest. */
  readonly named: string;
  /** Absent if it is not known: the profile may not be shown, and no catalog names it. */
  readonly kind?: RuntimeKind;
  readonly trust: Trust;
  /** One line of its publisher. */
  readonly summary?: string;
  /** Absent if the tag could not be resolved. */
  readonly digest?: Digest;
  /** Absent if the profile may not be shown. */
  readonly content?: ProfileContent;
  readonly artifact?: ArtifactFacts;
  /** The newest first, as many as are shown. */
  readonly versions: readonly VersionView[];
  /** How many the catalogs have. */
  readonly versionTotal: number;
  readonly comparison?: Comparison;
  readonly images: readonly { readonly image: string; readonly how: string }[];
  readonly others: readonly CatalogProfile[];
}

/** What a profile permits. */
export type ProfileContent =
  | { readonly kind: 'Seccomp'; readonly summary: SeccompSummary; readonly machines: string }
  | { readonly kind: 'AppArmor'; readonly profile: AppArmorProfile }
  /** In the form of Docker and Podman: what it permits depends on the container. */
  | { readonly kind: 'unresolved' };

/** What an artifact is made of. */
export interface ArtifactFacts {
  readonly digest: Digest;
  readonly layer: Descriptor;
  readonly type: string;
  /** What lint finds, in words: `no findings`. */
  readonly lint: string;
}

/** How two versions differ in meaning. */
export interface VersionChange {
  readonly loosened: number;
  readonly tightened: number;
  readonly changed: number;
  /** The version that it is compared with. */
  readonly since: string;
}

/** One version in the list. */
export interface VersionView {
  readonly label: string;
  /** What names it in addresses. */
  readonly named: string;
  readonly isShown: boolean;
  /** Absent for the first version, and for one that was not compared. */
  readonly change?: VersionChange;
  readonly isFirst: boolean;
  readonly created?: string;
}

/** A subject that two profiles treat in different ways. */
export interface ComparedSubjects {
  readonly direction: Direction;
  readonly subjects: readonly string[];
  readonly was: string;
  readonly is: string;
}

/** Two versions side by side. */
export interface Comparison {
  /** What can be chosen: values of the parameters and their labels. */
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly from: string;
  readonly to: string;
  /** Absent if one of them could not be read, with the reason. */
  readonly differences?: readonly ComparedSubjects[];
  readonly problem?: string;
}

/** Returns what names a version in addresses and lists: its newest tag, or its digest. */
export function versionOf({ tags, descriptor }: Pick<CatalogEntry, 'tags' | 'descriptor'>): string {
  return tags[0] ?? descriptor.digest;
}

/** Returns a version as lists show it: a digest is cut. */
export function versionLabel(version: string): string {
  return version.startsWith('sha256:') ? version.slice(0, 19) : version;
}
