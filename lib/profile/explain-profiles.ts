import { effectiveAppArmor } from './apparmor/effective-profile.ts';
import type { Constraint, ProfileInput } from './constraint.ts';
import { allStructured } from './merge-profiles.ts';
import type { Profile } from './profile.ts';
import type { Some } from './same-kind.ts';
import { sameKind } from './same-kind.ts';
import { effectiveProfile } from './seccomp/effective-profile.ts';
import { intersectSelinux } from './selinux/combine.ts';
import type { SelinuxProfile } from './selinux/model.ts';

/** What holds for a container, and why it is not what the artifact asks for. */
export interface Explained {
  readonly effective: Profile;
  readonly constraints: readonly Constraint[];
}

/** The profiles that meet at a container; see effectiveProfile. */
export interface MeetingProfiles<T> {
  readonly baseline?: T;
  readonly base?: T;
  readonly artifact: T;
}

/**
 * Intersects the node's baseline, the pod's base profile and the artifact, of one kind, and says
 * which of them constrained what, from what to what, and whether exactly.
 *
 * @param nativeArchitecture what runtimes add where a seccomp profile lists no architectures, as
 * SCMP_ARCH_*.
 * @throws FairleadError as intersectProfiles.
 */
export function explainProfiles(given: MeetingProfiles<Profile>, nativeArchitecture: string): Explained {
  const others = (['baseline', 'base'] as const).flatMap((input) => {
    const profile = given[input];
    return profile === undefined ? [] : [{ input, profile }];
  });
  const names = others.map(({ input }) => input);
  const inputs = sameKind([given.artifact, ...others.map(({ profile }) => profile)]);
  switch (inputs.kind) {
    case 'Seccomp': {
      const { profile: seccomp, constraints } = effectiveProfile(byName(inputs.profiles, names), nativeArchitecture);
      return { effective: { kind: 'Seccomp', seccomp }, constraints };
    }
    case 'AppArmor': {
      const { profile: apparmor, constraints } = effectiveAppArmor(byName(inputs.profiles, names));
      return { effective: { kind: 'AppArmor', apparmor }, constraints };
    }
    case 'SELinux':
      return explainSelinux(allStructured(inputs.profiles), ['artifact', ...names]);
  }
}

function byName<T>([artifact, ...others]: Some<T>, names: readonly ('baseline' | 'base')[]): MeetingProfiles<T> {
  const meeting: { baseline?: T; base?: T; artifact: T } = { artifact };
  for (const [index, name] of names.entries()) {
    const profile = others[index];
    if (profile !== undefined) meeting[name] = profile;
  }
  return meeting;
}

/** The artifact is the first of `profiles`. */
function explainSelinux(profiles: Some<SelinuxProfile>, names: readonly ProfileInput[]): Explained {
  const { profile: selinux, constraints: found } = intersectSelinux(profiles);
  const constraints = found
    .filter(({ inputs }) => !inputs.includes(0))
    .flatMap(({ subject, inputs, exact }) =>
      inputs.map((index): Constraint => {
        const [from, to] = subject === 'mode' ? ['Permissive', 'Enforcing'] : ['permitted', 'denied'];
        return { subject, input: names[index] ?? 'artifact', from, to, exact };
      }),
    );
  return { effective: { kind: 'SELinux', selinux }, constraints };
}
