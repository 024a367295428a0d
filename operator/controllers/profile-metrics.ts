import { Counter, type Registry } from 'prom-client';
import type { ProfileResourceKind } from './profile-kinds.ts';

type Mechanism = 'seccomp' | 'selinux' | 'apparmor';

const mechanisms: Readonly<Record<ProfileResourceKind, Mechanism>> = {
  SeccompProfile: 'seccomp',
  SelinuxProfile: 'selinux',
  RawSelinuxProfile: 'selinux',
  AppArmorProfile: 'apparmor',
};

/**
 * Counts profiles that got the state Error, under the names of the Security Profiles Operator, so
 * that dashboards and alerts stay. The label is a reason of the program itself; SPO's label with
 * the name of an AppArmor profile would grow with the cluster.
 */
export class ProfileMetrics {
  readonly #errors: Readonly<Record<Mechanism, Counter<'reason'>>>;

  constructor(registry: Registry) {
    const count = (name: string, what: string): Counter<'reason'> =>
      new Counter({
        name,
        help: `How often ${what} got the state Error, by the reason of its condition Ready.`,
        labelNames: ['reason'],
        registers: [registry],
      });
    this.#errors = {
      seccomp: count('security_profiles_operator_seccomp_profile_error_total', 'a SeccompProfile'),
      selinux: count('security_profiles_operator_selinux_profile_error_total', 'a SelinuxProfile or RawSelinuxProfile'),
      apparmor: count('security_profiles_operator_apparmor_profile_error_total', 'an AppArmorProfile'),
    };
  }

  /** Counts that a profile got the state Error. */
  countError(kind: ProfileResourceKind, reason: string): void {
    this.#errors[mechanisms[kind]].inc({ reason });
  }
}
