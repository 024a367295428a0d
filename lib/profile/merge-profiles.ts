import { intersectAppArmor, unionAppArmor } from './apparmor/combine.ts';
import type { Profile } from './profile.ts';
import type { Some } from './same-kind.ts';
import { sameKind } from './same-kind.ts';
import { intersect } from './seccomp/intersect.ts';
import { union } from './seccomp/union.ts';
import { intersectSelinux, unionSelinux } from './selinux/combine.ts';
import type { RawSelinuxProfile, SelinuxProfile } from './selinux/model.ts';
import { structured } from './selinux/structured.ts';

/** Profiles made into one. */
export interface Merged {
  readonly profile: Profile;
  /**
   * Where the format cannot say the exact result: syscalls, paths or rules for which an
   * intersection is stricter, and a union laxer, than it had to be.
   */
  readonly inexact: readonly string[];
}

/**
 * The profile that permits what all of `profiles` permit: never more than any of them.
 *
 * @param profiles of one kind, the node's first: at equal strictness the earliest decides, e.g.
 * over the errno.
 * @param nativeArchitecture what runtimes add where a seccomp profile lists no architectures, as
 * SCMP_ARCH_*.
 * @throws FairleadError InvalidInput for different kinds, and for raw SELinux profiles that have
 * more than rules; ProfileInvalid where SELinux profiles share no policy to stand on.
 */
export function intersectProfiles(profiles: Some<Profile>, nativeArchitecture: string): Merged {
  const inputs = sameKind(profiles);
  switch (inputs.kind) {
    case 'Seccomp': {
      const { profile: seccomp, groups, ids } = intersect(inputs.profiles, nativeArchitecture, inputs.profiles[0]);
      const inexact = groups.filter(({ result }) => !result.exact).flatMap(({ syscalls }) => syscalls);
      return { profile: { kind: 'Seccomp', seccomp }, inexact: inexact.map((id) => ids.nameOf(id)).sort() };
    }
    case 'AppArmor': {
      const { profile: apparmor, shortfalls } = intersectAppArmor(inputs.profiles);
      const inexact = shortfalls.map(({ kind, path }) => `${kind} ${path}`);
      return { profile: { kind: 'AppArmor', apparmor }, inexact: [...new Set(inexact)] };
    }
    case 'SELinux': {
      const { profile: selinux, constraints } = intersectSelinux(allStructured(inputs.profiles));
      const inexact = constraints.filter(({ exact }) => !exact).map(({ subject }) => subject);
      return { profile: { kind: 'SELinux', selinux }, inexact };
    }
  }
}

/**
 * The profile that permits what any of `profiles` permits, e.g. of several recordings of one
 * program: never less than any of them. Parameters and errors are those of {@link
 * intersectProfiles}.
 */
export function unionProfiles(profiles: Some<Profile>, nativeArchitecture: string): Merged {
  const inputs = sameKind(profiles);
  switch (inputs.kind) {
    case 'Seccomp': {
      const { profile: seccomp, inexact } = union(inputs.profiles, nativeArchitecture);
      return { profile: { kind: 'Seccomp', seccomp }, inexact };
    }
    case 'AppArmor':
      return { profile: { kind: 'AppArmor', apparmor: unionAppArmor(inputs.profiles) }, inexact: [] };
    case 'SELinux':
      return { profile: { kind: 'SELinux', selinux: unionSelinux(allStructured(inputs.profiles)) }, inexact: [] };
  }
}

/**
 * SELinux profiles as SelinuxProfiles; a raw one where its policy has nothing but rules.
 *
 * @throws FairleadError InvalidInput naming a raw one, and what it has besides.
 */
export function allStructured([first, ...others]: Some<SelinuxProfile | RawSelinuxProfile>): Some<SelinuxProfile> {
  return [structured(first), ...others.map(structured)];
}
