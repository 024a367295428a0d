import { FairleadError } from '#lib/errors';
import type { AppArmorProfile } from './apparmor/model.ts';
import type { Profile, ProfileKind } from './profile.ts';
import type { SeccompProfile } from './seccomp/model.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './selinux/model.ts';

/** At least one. */
export type Some<T> = readonly [T, ...T[]];

/** Profiles that can be set against each other. */
export type SameKind =
  | { readonly kind: 'Seccomp'; readonly profiles: Some<SeccompProfile> }
  | { readonly kind: 'AppArmor'; readonly profiles: Some<AppArmorProfile> }
  | { readonly kind: 'SELinux'; readonly profiles: Some<SelinuxProfile | RawSelinuxProfile> };

/**
 * Takes profiles together that are to be compared or combined: of one kind, where a raw SELinux
 * profile counts as one.
 *
 * @throws FairleadError InvalidInput naming the kinds.
 */
export function sameKind(profiles: Some<Profile>): SameKind {
  const [first] = profiles;
  switch (first.kind) {
    case 'Seccomp':
      return {
        kind: 'Seccomp',
        profiles: mapSome(profiles, (each) => (each.kind === 'Seccomp' ? each.seccomp : mixed(first, each))),
      };
    case 'AppArmor':
      return {
        kind: 'AppArmor',
        profiles: mapSome(profiles, (each) => (each.kind === 'AppArmor' ? each.apparmor : mixed(first, each))),
      };
    case 'SELinux':
    case 'RawSELinux':
      return {
        kind: 'SELinux',
        profiles: mapSome(profiles, (each) => ('selinux' in each ? each.selinux : mixed(first, each))),
      };
  }
}

function mapSome<From, To>([first, ...others]: Some<From>, change: (from: From) => To): Some<To> {
  return [change(first), ...others.map(change)];
}

function mixed(first: { readonly kind: ProfileKind }, other: { readonly kind: ProfileKind }): never {
  throw new FairleadError('InvalidInput', `profiles of kind ${first.kind} and ${other.kind} have nothing in common`, {
    hint: 'Give profiles of one kind.',
  });
}
