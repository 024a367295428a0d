import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './apparmor/model.ts';
import type { UnknownField } from './json/unknown-fields.ts';
import type { ProfilePlaces } from './place.ts';
import type { SeccompProfile } from './seccomp/model.ts';
import type { DockerProfile } from './seccomp/read/docker.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './selinux/model.ts';

/** What readers report of a profile beside its meaning. */
export interface Reading {
  /** Its name in a custom resource. */
  readonly name?: string;
  /** Members that the reader dropped as unknown, or accepted in another letter case. */
  readonly unknownFields?: readonly UnknownField[];
  /**
   * Set for a profile of Docker or Podman, which was resolved: whether other containers get another
   * profile.
   */
  readonly docker?: { readonly dependsOnContainer: boolean };
  /** Set for a custom resource of the Security Profiles Operator. */
  readonly isResource?: true;
  /**
   * The size of its text in bytes, if that is more than nodes accept by default, and it is in the
   * form of runtimes.
   */
  readonly oversize?: number;
  /** Where its parts are in its text, if the reader was asked to keep that. */
  readonly places?: ProfilePlaces;
}

/**
 * A profile, parsed. The reader decides its kind, once; nothing else examines its bytes. A profile
 * never changes: its meaning is remembered by the object.
 */
export type Profile = Reading &
  (
    | { readonly kind: 'Seccomp'; readonly seccomp: SeccompProfile }
    | { readonly kind: 'AppArmor'; readonly apparmor: AppArmorProfile }
    | { readonly kind: 'SELinux'; readonly selinux: SelinuxProfile }
    | { readonly kind: 'RawSELinux'; readonly selinux: RawSelinuxProfile }
  );

/** The mechanism that enforces a profile, and the language in which it is written. */
export type ProfileKind = Profile['kind'];

/** A profile of a kind that container runtimes apply (KEP-6061). */
export type RuntimeProfile = Extract<Profile, { readonly kind: 'Seccomp' | 'AppArmor' }>;

/** The kind of a RuntimeProfile. */
export type RuntimeKind = RuntimeProfile['kind'];

const isForRuntimes: Readonly<Record<ProfileKind, boolean>> = {
  Seccomp: true,
  AppArmor: true,
  SELinux: false,
  RawSELinux: false,
};

/** Reports whether container runtimes apply profiles of its kind. */
export function isRuntimeProfile(profile: Profile): profile is Profile & RuntimeProfile {
  return isForRuntimes[profile.kind];
}

/**
 * A seccomp profile in the form of Docker and Podman that is not resolved yet: what it permits
 * depends on the container.
 */
export interface UnresolvedProfile {
  readonly kind: 'Seccomp';
  readonly unresolved: DockerProfile;
}

/** The profile of an artifact; only CRI-O's layout may hold the form of Docker and Podman. */
export type PublishedProfile = RuntimeProfile | UnresolvedProfile;

/**
 * Returns the seccomp profile, for callers that handle no other kind.
 *
 * @throws FairleadError ProfileInvalid for one of another kind, or one that is not resolved.
 */
export function seccompOf(profile: Profile | UnresolvedProfile): SeccompProfile {
  if ('seccomp' in profile) return profile.seccomp;
  const fault =
    'unresolved' in profile ? 'that is not resolved for a container' : `of kind ${profile.kind}, not Seccomp`;
  throw new FairleadError('ProfileInvalid', `it is a profile ${fault}`);
}

/**
 * Returns the AppArmor profile, for callers that handle no other kind.
 *
 * @throws FairleadError ProfileInvalid for one of another kind.
 */
export function appArmorOf(profile: Profile): AppArmorProfile {
  if (profile.kind === 'AppArmor') return profile.apparmor;
  throw new FairleadError('ProfileInvalid', `it is a profile of kind ${profile.kind}, not AppArmor`);
}
