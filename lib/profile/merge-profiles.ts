import { intersectAppArmor } from './apparmor/intersect.ts';
import { unionAppArmor } from './apparmor/union.ts';
import { type ContentOf, contentsFor, type Mechanism, mechanismOf, profileWith, type Some } from './kinds.ts';
import type { Profile } from './profile.ts';
import { intersectSeccomp } from './seccomp/intersect.ts';
import { unionSeccomp } from './seccomp/union.ts';
import { intersectSelinux } from './selinux/intersect.ts';
import { allStructured } from './selinux/structured.ts';
import { unionSelinux } from './selinux/union.ts';

/** Profiles made into one. */
export interface Merged<Of = Profile> {
  readonly profile: Of;
  /**
   * Syscalls, paths or rules for which an intersection is stricter, or a union laxer, than every
   * input, because the format cannot express the exact result.
   */
  readonly inexact: readonly string[];
}

type Merge = {
  readonly [M in Mechanism]: (contents: Some<ContentOf[M]>, nativeArchitecture: string) => Merged<ContentOf[M]>;
};

const intersections: Merge = {
  Seccomp: (profiles, nativeArchitecture) => {
    const { profile, groups, ids } = intersectSeccomp(profiles, nativeArchitecture, profiles[0]);
    const inexact = groups.filter(({ result }) => !result.exact).flatMap(({ syscalls }) => syscalls);
    return { profile, inexact: inexact.map((id) => ids.nameOf(id)).sort() };
  },
  AppArmor: (profiles) => {
    const { profile, shortfalls } = intersectAppArmor(profiles);
    return { profile, inexact: [...new Set(shortfalls.map(({ kind, path }) => `${kind} ${path}`))] };
  },
  SELinux: (profiles) => {
    const { profile, constraints } = intersectSelinux(allStructured(profiles));
    return { profile, inexact: constraints.filter(({ exact }) => !exact).map(({ subject }) => subject) };
  },
};

const unions: Merge = {
  Seccomp: unionSeccomp,
  AppArmor: (profiles) => ({ profile: unionAppArmor(profiles), inexact: [] }),
  SELinux: (profiles) => ({ profile: unionSelinux(allStructured(profiles)), inexact: [] }),
};

/**
 * Returns the profile that permits what all of `profiles` permit, as a node does with baseline and
 * artifact: never more than any of them.
 *
 * @param profiles of one kind, the node's first: at equal strictness the earliest decides, e.g.
 * over the errno.
 * @param nativeArchitecture what runtimes add if a seccomp profile lists no architectures, as
 * SCMP_ARCH_*.
 * @throws FairleadError InvalidInput for different kinds, and for raw SELinux profiles that have
 * more than rules; ProfileInvalid if SELinux profiles inherit from no common policy.
 */
export function intersectProfiles(profiles: Some<Profile>, nativeArchitecture: string): Merged {
  return mergeWith(intersections, mechanismOf(profiles[0]), profiles, nativeArchitecture);
}

/**
 * Returns the profile that permits what any of `profiles` permits, e.g. of several recordings of
 * one program: never less than any of them. Parameters and errors are those of {@link
 * intersectProfiles}.
 */
export function unionProfiles(profiles: Some<Profile>, nativeArchitecture: string): Merged {
  return mergeWith(unions, mechanismOf(profiles[0]), profiles, nativeArchitecture);
}

function mergeWith<M extends Mechanism>(
  merge: Merge,
  mechanism: M,
  profiles: Some<Profile>,
  nativeArchitecture: string,
): Merged {
  const { profile, inexact } = merge[mechanism](contentsFor(mechanism, profiles), nativeArchitecture);
  return { profile: profileWith(mechanism, profile), inexact };
}
