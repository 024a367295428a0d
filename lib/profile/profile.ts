import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './apparmor/model.ts';
import type { UnknownField } from './json/unknown-fields.ts';
import type { SeccompProfile } from './seccomp/model.ts';
import type { DockerProfile } from './seccomp/read/docker.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './selinux/model.ts';

/** What readers say of a profile beside its meaning. */
export interface Reading {
  /** The name that a custom resource gives it. */
  readonly name?: string;
  /** What the reader did not know and dropped, or took for a member in another letter case. */
  readonly unknownFields?: readonly UnknownField[];
  /**
   * Of a profile in the form of Docker and Podman, which was resolved: whether it is another one
   * for other containers.
   */
  readonly docker?: { readonly dependsOnContainer: boolean };
  /** Of a custom resource of the Security Profiles Operator. */
  readonly isResource?: true;
  /**
   * How many bytes its text has, if that is more than nodes take by default, and the form is the
   * one that is published.
   */
  readonly oversize?: number;
}

/**
 * A profile, parsed. The kind is decided once, by the reader; nothing after it looks at bytes to
 * find out.
 */
export type Profile = Reading &
  (
    | { readonly kind: 'Seccomp'; readonly seccomp: SeccompProfile }
    | { readonly kind: 'AppArmor'; readonly apparmor: AppArmorProfile }
    | { readonly kind: 'SELinux'; readonly selinux: SelinuxProfile }
    | { readonly kind: 'RawSELinux'; readonly selinux: RawSelinuxProfile }
  );

/** What a profile limits, and in which language it is written. */
export type ProfileKind = Profile['kind'];

/**
 * A profile of the kinds that container runtimes take, in the form in which they read them
 * (KEP-6061).
 */
export type RuntimeProfile = Extract<Profile, { readonly kind: 'Seccomp' | 'AppArmor' }>;

/** The kind of a RuntimeProfile. */
export type RuntimeKind = RuntimeProfile['kind'];

const isForRuntimes: Readonly<Record<ProfileKind, boolean>> = {
  Seccomp: true,
  AppArmor: true,
  SELinux: false,
  RawSELinux: false,
};

/** Reports whether container runtimes take profiles of its kind. */
export function isRuntimeProfile(profile: Profile): profile is Profile & RuntimeProfile {
  return isForRuntimes[profile.kind];
}

/**
 * A seccomp profile in the form of Docker and Podman that is not resolved yet: each container may
 * get another one of it.
 */
export interface UnresolvedProfile {
  readonly kind: 'Seccomp';
  readonly unresolved: DockerProfile;
}

/** What an artifact holds; only in CRI-O's layout it may be in the form of Docker and Podman. */
export type PublishedProfile = RuntimeProfile | UnresolvedProfile;

/**
 * The seccomp profile, where only that will do.
 *
 * @throws FairleadError ProfileInvalid for one of another kind, or one that is not resolved.
 */
export function seccompOf(profile: Profile | UnresolvedProfile): SeccompProfile {
  if ('seccomp' in profile) return profile.seccomp;
  const fault =
    'unresolved' in profile ? 'that is not resolved for a container' : `of kind ${profile.kind}, not Seccomp`;
  throw new FairleadError('ProfileInvalid', `it is a profile ${fault}`);
}
