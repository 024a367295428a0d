import { FairleadError } from '#lib/errors';
import { globsOf } from './access.ts';
import type { AppArmorMode, AppArmorProfile, NetworkRules } from './model.ts';
import { checkPolicyName } from './policy-name.ts';
import { defaultRules } from './runtime-default.ts';
import { capabilities } from './vocabulary.ts';

/** Under which name a policy is loaded, and whether it enforces. */
export interface PolicyOptions {
  readonly name: string;
  /** The profile's own by default. */
  readonly mode?: AppArmorMode;
  /**
   * Whether the denials of the runtime's default rules hold in complain mode too, so that only what
   * the profile itself refuses is permitted. Every executed program is then confined by the policy
   * and logged as audited: in a profile of the kernel's own, no denial would hold.
   */
  readonly enforceDefaults?: boolean | undefined;
}

/** What the beginning of a policy depends on. */
export type PolicyHeadOptions = PolicyOptions & Required<Pick<PolicyOptions, 'mode'>>;

/**
 * Writes the policy text that apparmor_parser loads (apparmor.d(5)). The same profile always gives
 * the same text, and nothing in a profile can leave its quotes. A missing section permits what the
 * runtime's default does. In complain mode there is no deny rule, since kernels enforce these in
 * that mode too.
 *
 * Beside the profile hold the runtime's default rules and, as in every container policy,
 * `abstractions/base` of the node for what dynamic linking needs. Variables are written out.
 *
 * @throws FairleadError InvalidInput for an invalid name; ProfileInvalid for a path or capability
 * that is not valid.
 */
export function renderAppArmorPolicy(profile: AppArmorProfile, options: PolicyOptions): string {
  checkPolicyName(options.name);
  return policyText(profile, options);
}

/**
 * Writes the policy text as {@link renderAppArmorPolicy} does, under a name that Fairlead made.
 *
 * @throws FairleadError ProfileInvalid for a path or capability that is not valid.
 */
export function policyText(profile: AppArmorProfile, options: PolicyOptions): string {
  const { name, mode = profile.mode, enforceDefaults } = options;
  const rules = [...capabilityRules(profile, mode), ...networkRules(profile.network), ...fileRules(profile)];
  return [...policyHead({ name, mode, enforceDefaults }), ...rules.map((rule) => `  ${rule}`), '}', ''].join('\n');
}

/** Returns the lines with which every policy begins. They do not depend on its profile. */
export function policyHead(options: PolicyHeadOptions): readonly string[] {
  const { name, mode, enforceDefaults = mode === 'Enforce' } = options;
  const flags = ['attach_disconnected', 'mediate_deleted', ...(mode === 'Complain' ? ['complain'] : [])];
  const rules = [
    ...['include if exists <abstractions/base>', ...defaultRules(name, enforceDefaults)],
    ...(mode === 'Complain' && enforceDefaults ? ['audit "/{,**}" ix,'] : []),
  ];
  return [
    '# Written by Fairlead from a structured profile; do not edit.',
    'include if exists <tunables/global>',
    '',
    `profile "${name}" flags=(${flags.join(',')}) {`,
    ...rules.map((rule) => `  ${rule}`),
  ];
}

/**
 * Capabilities that were split from sys_admin. Where the ABI of a policy is older than one of them,
 * as Debian 12's is than checkpoint_restore, apparmor_parser grants sys_admin in its place.
 */
const partsOfSysAdmin: readonly string[] = ['bpf', 'checkpoint_restore', 'perfmon'];

function capabilityRules({ capability }: AppArmorProfile, mode: AppArmorMode): readonly string[] {
  if (capability === undefined) return ['capability,'];
  const names = new Set(capability.allowedCapabilities);
  const rules = [...names].sort().map((name) => {
    if (capabilities.has(name)) return `capability ${name},`;
    throw new FairleadError('ProfileInvalid', `unknown capability ${JSON.stringify(name)}`);
  });
  // The kernel enforces deny rules in complain mode too, which is to log only.
  const stands = mode === 'Complain' || names.has('sys_admin') || !partsOfSysAdmin.some((name) => names.has(name));
  return stands ? rules : [...rules, 'deny capability sys_admin,'];
}

function networkRules(network: NetworkRules | undefined): readonly string[] {
  if (network === undefined) return ['network,'];
  return [
    ...(network.allowRaw ? ['network raw,'] : []),
    ...(network.allowTcp ? ['network tcp,'] : []),
    ...(network.allowUdp ? ['network udp,'] : []),
  ];
}

function fileRules({ executable, filesystem }: AppArmorProfile): readonly string[] {
  if (executable === undefined && filesystem === undefined) return ['file,'];
  return [
    ...(executable === undefined
      ? ['"/{,**}" mix,']
      : [...pathRules(executable.allowedExecutables, 'ixr'), ...pathRules(executable.allowedLibraries, 'mr')]),
    ...(filesystem === undefined
      ? ['"/{,**}" rwlk,']
      : [
          ...pathRules(filesystem.readOnlyPaths, 'r'),
          ...pathRules(filesystem.writeOnlyPaths, 'wlk'),
          ...pathRules(filesystem.readWritePaths, 'rwlk'),
        ]),
  ];
}

function pathRules(paths: readonly string[], permissions: string): readonly string[] {
  const texts = new Set(globsOf(paths).map(({ expanded }) => expanded));
  return [...texts].sort().map((text) => `"${text}" ${permissions},`);
}
