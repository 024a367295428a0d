import type { SeccompAction } from '#lib/profile/seccomp/model';
import type { SelinuxOptions } from '#lib/profile/selinux/validate';
import type { SecurityProfilesOperatorDaemon } from '../api/securityprofilesoperatordaemon/v1.ts';

/** What the administrator allows profiles, in the SecurityProfilesOperatorDaemon. */
export interface ValidationSettings {
  /**
   * The only syscalls that a SeccompProfile may let happen, by one of the actions. Undefined if
   * every profile is accepted.
   */
  readonly seccomp: SeccompAllowance | undefined;
  /** Whether RawSelinuxProfiles are accepted. */
  readonly rawSelinuxProfiles: boolean;
  readonly selinux: SelinuxOptions;
}

/** Which syscalls a profile may let happen, and by which actions. */
export interface SeccompAllowance {
  readonly syscalls: ReadonlySet<string>;
  readonly actions: readonly SeccompAction[];
}

/** The actions with which a syscall happens, at once or after the decision of another process. */
export const permissiveActions: readonly SeccompAction[] = [
  'SCMP_ACT_ALLOW',
  'SCMP_ACT_LOG',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_NOTIFY',
];

/**
 * Returns the settings that a SecurityProfilesOperatorDaemon specifies; without one, the defaults.
 * As with the Security Profiles Operator, an empty `allowedSyscalls` restricts nothing, an empty
 * `allowedSeccompActions` stands for all permissive actions, and raw SELinux profiles are accepted
 * unless `enableRawSelinuxProfiles` is false.
 */
export function settingsOf(daemon: Pick<SecurityProfilesOperatorDaemon, 'spec'> = {}): ValidationSettings {
  const { security, selinux } = daemon.spec ?? {};
  const { allowedSyscalls = [], allowedSeccompActions = [] } = security ?? {};
  const actions = allowedSeccompActions.length === 0 ? permissiveActions : allowedSeccompActions;
  return {
    seccomp: allowedSyscalls.length === 0 ? undefined : { syscalls: new Set(allowedSyscalls), actions },
    rawSelinuxProfiles: selinux?.enableRawSelinuxProfiles ?? true,
    selinux: withoutUndefined(selinux?.options ?? {}),
  };
}

/** The settings without a SecurityProfilesOperatorDaemon. */
export const defaultSettings: ValidationSettings = settingsOf();

function withoutUndefined(
  options: { readonly [Name in keyof SelinuxOptions]?: SelinuxOptions[Name] | undefined },
): SelinuxOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
