import { FairleadError } from '#lib/errors';
import { effectiveAppArmor } from './apparmor/effective-profile.ts';
import { type EffectiveInputs, type EffectiveProfile, mapInputs } from './constraint.ts';
import { type ContentOf, contentFor, type Mechanism, mechanismOf, profileWith } from './kinds.ts';
import type { Profile, RuntimeProfile } from './profile.ts';
import { effectiveSeccomp } from './seccomp/effective-profile.ts';
import { effectiveSelinux } from './selinux/effective-profile.ts';

const effective: {
  readonly [M in Mechanism]: (
    inputs: EffectiveInputs<ContentOf[M]>,
    nativeArchitecture: string,
  ) => EffectiveProfile<ContentOf[M]>;
} = {
  Seccomp: effectiveSeccomp,
  AppArmor: effectiveAppArmor,
  SELinux: effectiveSelinux,
};

/** Whether a profile of the mechanism can be logged only. */
const canLog: { readonly [M in Mechanism]: boolean } = { Seccomp: true, AppArmor: true, SELinux: false };

/**
 * Returns what holds for a container: the intersection of the node's baseline, the pod's base
 * profile and the artifact, as nodes apply it, and in which respects it is stricter than the
 * artifact. It is never laxer than an input, except for an artifact that is only logged: what it
 * alone refuses is permitted and logged.
 *
 * @param nativeArchitecture what runtimes add if a seccomp profile lists no architectures, as
 * SCMP_ARCH_*.
 * @throws FairleadError InvalidInput for profiles of different kinds, for raw SELinux profiles that
 * have more than rules, and for kinds that cannot be logged; ProfileInvalid if SELinux profiles
 * inherit from no common policy.
 */
export function effectiveProfile(
  inputs: EffectiveInputs<RuntimeProfile>,
  nativeArchitecture: string,
): EffectiveProfile<RuntimeProfile>;
export function effectiveProfile(
  inputs: EffectiveInputs<Profile>,
  nativeArchitecture: string,
): EffectiveProfile<Profile>;
export function effectiveProfile(
  inputs: EffectiveInputs<Profile>,
  nativeArchitecture: string,
): EffectiveProfile<Profile> {
  return effectiveOf(mechanismOf(inputs.artifact), inputs, nativeArchitecture);
}

function effectiveOf<M extends Mechanism>(
  mechanism: M,
  inputs: EffectiveInputs<Profile>,
  nativeArchitecture: string,
): EffectiveProfile<Profile> {
  if (inputs.mode !== undefined && !canLog[mechanism]) {
    throw new FairleadError('InvalidInput', `profiles of kind ${mechanism} can be enforced only, not logged`, {
      hint: 'Remove the mode, so that the profile is enforced.',
    });
  }
  const contents = mapInputs(inputs, (profile) => contentFor(mechanism, profile));
  const { profile, ...report } = effective[mechanism](contents, nativeArchitecture);
  return { ...report, profile: profileWith(mechanism, profile) };
}
