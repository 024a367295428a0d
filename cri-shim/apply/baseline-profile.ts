import type { InstallableKind } from '#lib/node/install/install-profile';
import { runtimeDefaultAppArmor } from '#lib/profile/apparmor/runtime-default';
import type { RuntimeProfile } from '#lib/profile/profile';
import type { NodePolicy } from '#lib/trust/policy/node-policy';
import type { BaselineSubject, RuntimeBaseline } from '../baseline/runtime-baseline.ts';

/**
 * Returns the baseline of the node for a kind: the profile in the policy, or the default profile of
 * the runtime. Rejects as runtimeDefault does.
 */
export async function baselineProfile(
  kind: InstallableKind,
  { baseline }: Pick<NodePolicy, 'baseline'>,
  subject: BaselineSubject,
  runtimeBaseline: Pick<RuntimeBaseline, 'profileFor'>,
  signal: AbortSignal,
): Promise<RuntimeProfile> {
  switch (kind) {
    case 'Seccomp':
      return baseline.seccomp === 'RuntimeDefault'
        ? runtimeDefault(kind, subject, runtimeBaseline, signal)
        : { kind, seccomp: baseline.seccomp };
    case 'AppArmor':
      return { kind, apparmor: baseline.apparmor === 'RuntimeDefault' ? runtimeDefaultAppArmor : baseline.apparmor };
  }
}

/**
 * Returns the profile that the runtime would apply under RuntimeDefault. Rejects as
 * RuntimeBaseline.profileFor does.
 */
export async function runtimeDefault(
  kind: InstallableKind,
  subject: BaselineSubject,
  runtimeBaseline: Pick<RuntimeBaseline, 'profileFor'>,
  signal: AbortSignal,
): Promise<RuntimeProfile> {
  switch (kind) {
    case 'Seccomp':
      return { kind, seccomp: await runtimeBaseline.profileFor(subject, signal) };
    case 'AppArmor':
      return { kind, apparmor: runtimeDefaultAppArmor };
  }
}
