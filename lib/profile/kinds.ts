import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './apparmor/model.ts';
import type { Profile, ProfileKind } from './profile.ts';
import type { SeccompProfile } from './seccomp/model.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './selinux/model.ts';

/** At least one. */
export type Some<T> = readonly [T, ...T[]];

/**
 * The content of the profiles of each mechanism of the kernel. Profiles of one mechanism can be
 * compared and combined; a raw SELinux profile is an SELinux profile, written in another way.
 *
 * An operation on profiles is a table with one function for each mechanism (lint, intersect, union,
 * diff, …), so that the compiler names each operation that a new mechanism lacks.
 */
export interface ContentOf {
  readonly Seccomp: SeccompProfile;
  readonly AppArmor: AppArmorProfile;
  readonly SELinux: SelinuxProfile | RawSelinuxProfile;
}

export type Mechanism = keyof ContentOf;

const mechanisms: { readonly [Kind in ProfileKind]: Mechanism } = {
  Seccomp: 'Seccomp',
  AppArmor: 'AppArmor',
  SELinux: 'SELinux',
  RawSELinux: 'SELinux',
};

/** Returns the mechanism that enforces a profile. */
export function mechanismOf({ kind }: { readonly kind: ProfileKind }): Mechanism {
  return mechanisms[kind];
}

/**
 * Returns the content of a profile that `mechanism` enforces.
 *
 * @throws FairleadError InvalidInput for a profile of another mechanism.
 */
export function contentFor<M extends Mechanism>(mechanism: M, profile: Profile): ContentOf[M] {
  if (mechanismOf(profile) === mechanism) return contentOf(profile) as ContentOf[M];
  throw new FairleadError('InvalidInput', `profiles of kind ${mechanism} and ${profile.kind} cannot be used together`, {
    hint: 'Use profiles of one kind.',
  });
}

function contentOf(profile: Profile): ContentOf[Mechanism] {
  if ('seccomp' in profile) return profile.seccomp;
  return 'apparmor' in profile ? profile.apparmor : profile.selinux;
}

/**
 * Returns the content of each of several profiles.
 *
 * @throws FairleadError InvalidInput unless the mechanism of the first enforces all of them.
 */
export function contentsFor<M extends Mechanism>(mechanism: M, [first, ...others]: Some<Profile>): Some<ContentOf[M]> {
  const one = (profile: Profile) => contentFor(mechanism, profile);
  return [one(first), ...others.map(one)];
}

const profiles: { readonly [M in Mechanism]: (content: ContentOf[M]) => Profile } = {
  Seccomp: (seccomp) => ({ kind: 'Seccomp', seccomp }),
  AppArmor: (apparmor) => ({ kind: 'AppArmor', apparmor }),
  SELinux: (selinux) =>
    selinux.kind === 'SELinux' ? { kind: selinux.kind, selinux } : { kind: selinux.kind, selinux },
};

/** Returns the profile that has a content. */
export function profileWith<M extends Mechanism>(mechanism: M, content: ContentOf[M]): Profile {
  return profiles[mechanism](content);
}
