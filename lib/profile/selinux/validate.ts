import { FairleadError } from '#lib/errors';
import { type RawSelinuxProfile, SELF, type SelinuxProfile } from './model.ts';
import { inheritedBlocks, rules } from './rules.ts';
import { generatedAttribute, wideAttributes } from './wide-attributes.ts';

/** What profiles may not require of a node, regardless of their signers. */
export interface SelinuxRestrictions {
  /** Blocks of the node that profiles may inherit from. */
  readonly systemProfiles: ReadonlySet<string>;
  /**
   * SelinuxProfiles that others may inherit from: those that exist. Without this list a profile
   * could call any block of the node a SelinuxProfile.
   */
  readonly profiles: ReadonlySet<string>;
  /**
   * Targets that no rule may name: types that are the node itself, and attributes that hold such
   * types.
   */
  readonly deniedTypes: ReadonlySet<string>;
  readonly deniedClasses: ReadonlySet<string>;
  readonly deniedPermissions: ReadonlySet<string>;
  /** Attributes that a raw profile may give its process. */
  readonly processAttributes: ReadonlySet<string>;
  /** Attributes that a raw profile may give its other types. */
  readonly fileAttributes: ReadonlySet<string>;
}

/**
 * `spec.selinux.options` of SPO's SecurityProfilesOperatorDaemon: what the administrator adds to
 * and takes from the defaults.
 */
export interface SelinuxOptions {
  /** In place of the default list, as with SPO. */
  readonly allowedSystemProfiles?: readonly string[];
  readonly allowedTypes?: readonly string[];
  readonly allowedClasses?: readonly string[];
  readonly allowedPermissions?: readonly string[];
  readonly deniedTypes?: readonly string[];
  readonly deniedClasses?: readonly string[];
  readonly deniedPermissions?: readonly string[];
}

/** The network blocks give no more than container_t has anyway; SPO allows `container` alone. */
const systemProfiles = ['container', 'net_container', 'restricted_net_container'];

const deniedTypes = [
  // SPO's own list. /dev/mem is memory_device_t in the reference policy; kmem_t is an older name.
  ...['kernel_t', 'kmem_t', 'security_t', 'shadow_t'],
  // What is as good as the kernel or the policy.
  ...['memory_device_t', 'fixed_disk_device_t', 'proc_kcore_t'],
  ...['selinux_config_t', 'policy_config_t', 'semanage_store_t'],
  // Domains that can do anything on the node.
  ...['init_t', 'unconfined_t', 'unconfined_service_t', 'spc_t', 'container_runtime_t', 'kubelet_t'],
  ...wideAttributes,
];

const deniedClasses = [
  ...['capability', 'capability2', 'security', 'system'],
  ...['bpf', 'kernel_service', 'lockdown', 'memprotect', 'perf_event'],
];

const deniedPermissions = [
  ...['load_policy', 'mac_admin', 'mounton', 'relabelto', 'relabelfrom', 'setbool', 'setenforce', 'setsecparam'],
  // Ways into another domain, past the policy, or into the kernel.
  ...['transition', 'dyntransition', 'nnp_transition', 'nosuid_transition', 'mac_override', 'module_load'],
];

/**
 * Returns the restrictions of a node: the defaults, changed by the administrator. Denied wins over
 * allowed, as with SPO.
 *
 * @param profiles names of the SelinuxProfiles that are there.
 */
export function selinuxRestrictions(
  options: SelinuxOptions = {},
  profiles: Iterable<string> = [],
): SelinuxRestrictions {
  const denied = (defaults: readonly string[], allow: readonly string[] = [], deny: readonly string[] = []) =>
    new Set([...defaults.filter((name) => !allow.includes(name)), ...deny]);
  return {
    systemProfiles: new Set(options.allowedSystemProfiles ?? systemProfiles),
    profiles: new Set(profiles),
    deniedTypes: denied(deniedTypes, options.allowedTypes, options.deniedTypes),
    deniedClasses: denied(deniedClasses, options.allowedClasses, options.deniedClasses),
    deniedPermissions: denied(deniedPermissions, options.allowedPermissions, options.deniedPermissions),
    processAttributes: new Set(['sandbox_net_domain', 'container_net_domain']),
    fileAttributes: new Set(['file_type', 'non_security_file_type']),
  };
}

export const defaultSelinuxRestrictions: SelinuxRestrictions = selinuxRestrictions();

/** Something that a profile asks for and must not have. */
export interface RestrictionProblem {
  readonly message: string;
  readonly hint: string;
  /** JSON pointer into SPO's resource (RFC 6901). */
  readonly pointer: string;
}

/**
 * Refuses a profile that asks for what the administrator grants to none. The rules hold for both
 * kinds, so that a raw profile is no way around them.
 *
 * @throws FairleadError ProfileInvalid naming the rule.
 */
export function validateSelinux(
  profile: SelinuxProfile | RawSelinuxProfile,
  restrictions: SelinuxRestrictions = defaultSelinuxRestrictions,
): void {
  for (const { message, hint } of restrictionProblems(profile, restrictions)) {
    throw new FairleadError('ProfileInvalid', `SELinux profile ${profile.name}: ${message}`, { hint });
  }
}

/** Returns everything that {@link validateSelinux} would refuse. */
export function* restrictionProblems(
  profile: SelinuxProfile | RawSelinuxProfile,
  restrictions: SelinuxRestrictions = defaultSelinuxRestrictions,
): Generator<RestrictionProblem> {
  if (restrictions.systemProfiles.has(profile.name)) {
    const message = 'has the name of a system policy';
    yield { message, hint: 'Choose another name.', pointer: '/metadata/name' };
  }
  yield* inheritProblems(profile, restrictions);
  yield* ruleProblems(profile, restrictions);
  if (profile.kind === 'RawSELinux') yield* attributeProblems(profile, restrictions);
}

function* inheritProblems(
  profile: SelinuxProfile | RawSelinuxProfile,
  { systemProfiles, profiles }: SelinuxRestrictions,
): Generator<RestrictionProblem> {
  const pointer = profile.kind === 'SELinux' ? '/spec/inherit' : '/spec/policy';
  const parents = inheritedBlocks(profile);
  for (const { kind, name } of parents) {
    if (kind === 'System' && !systemProfiles.has(name)) {
      const message = `must not inherit from the system policy ${name}, only from ${[...systemProfiles].join(', ')}`;
      yield { message, hint: changeable('allowedSystemProfiles'), pointer };
    }
    if (kind === 'SelinuxProfile' && (!profiles.has(name) || name === profile.name)) {
      const message = `no other SelinuxProfile ${name} to inherit from`;
      yield { message, hint: 'Create that profile first, or inherit from a system policy: kind: System.', pointer };
    }
  }
  if (parents.filter(({ kind }) => kind === 'SelinuxProfile').length > 1) {
    const hint = 'Each declares a process, and a profile has only one: let one of them inherit from the other.';
    yield { message: 'inherits from more than one SelinuxProfile', hint, pointer };
  }
}

function* ruleProblems(
  profile: SelinuxProfile | RawSelinuxProfile,
  { deniedTypes, deniedClasses, deniedPermissions }: SelinuxRestrictions,
): Generator<RestrictionProblem> {
  const pointer = (...path: string[]): string =>
    profile.kind === 'SELinux' ? ['/spec/allow', ...path].join('/') : '/spec/policy';
  for (const [target, classes] of rules(profile)) {
    if (generatedAttribute.test(target)) {
      const message = `must not have rules for ${target}, which has the name of a compiler's attribute`;
      yield { message, hint: 'Name the types themselves.', pointer: pointer(target) };
    }
    if (deniedTypes.has(target)) {
      const message = `must not have rules for the type ${target}`;
      yield { message, hint: changeable('allowedTypes'), pointer: pointer(target) };
    }
    for (const [objectClass, permissions] of classes) {
      if (deniedClasses.has(objectClass)) {
        const message = `must not have rules for the class ${objectClass} (of ${target})`;
        yield { message, hint: changeable('allowedClasses'), pointer: pointer(target, objectClass) };
      }
      for (const permission of permissions) {
        if (!deniedPermissions.has(permission)) continue;
        const message = `must not allow ${permission} (of ${target} ${objectClass})`;
        yield { message, hint: changeable('allowedPermissions'), pointer: pointer(target, objectClass) };
      }
    }
  }
}

function* attributeProblems(
  profile: RawSelinuxProfile,
  { processAttributes, fileAttributes }: SelinuxRestrictions,
): Generator<RestrictionProblem> {
  for (const statement of profile.policy) {
    if (statement.statement !== 'typeattributeset') continue;
    for (const type of statement.types) {
      const known = type === SELF ? processAttributes : fileAttributes;
      if (known.has(statement.attribute)) continue;
      const spoken = type === SELF ? 'its process' : `its type ${type}`;
      const message = `must not give ${spoken} the attribute ${statement.attribute}`;
      const hint = `An attribute brings all rights of its own. Accepted are ${[...known].join(', ')}.`;
      yield { message, hint, pointer: '/spec/policy' };
    }
  }
}

function changeable(option: keyof SelinuxOptions): string {
  return `The administrator can change this with selinux.options.${option}.`;
}
