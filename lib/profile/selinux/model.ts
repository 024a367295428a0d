/** object class -> permissions */
export type ClassPermissions = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * target type -> object class -> permissions. The target {@link SELF} is the process of the profile
 * itself.
 */
export type AllowMap = ReadonlyMap<string, ClassPermissions>;

/** How profiles write their own process type as a target. */
export const SELF = '@self';

/**
 * A policy that a profile inherits from: `System` is a CIL block of the node, e.g. udica's
 * `container`.
 */
export interface Inherit {
  readonly kind: 'System' | 'SelinuxProfile';
  readonly name: string;
}

/** SPO's SelinuxProfile (security-profiles-operator.x-k8s.io/v1, spec). */
export interface SelinuxProfile {
  readonly kind: 'SELinux';
  /** Name of the object, and of the CIL block; the type that pods ask for is `<name>.process`. */
  readonly name: string;
  /** `Permissive`: what is not allowed is logged, and happens. */
  readonly mode: 'Enforcing' | 'Permissive';
  readonly inherit: readonly Inherit[];
  readonly allow: AllowMap;
}

/**
 * SPO's RawSelinuxProfile: parsed statements of CIL; parse-policy.ts lists those that are accepted.
 */
export interface RawSelinuxProfile {
  readonly kind: 'RawSELinux';
  readonly name: string;
  readonly policy: readonly PolicyStatement[];
}

/** One statement of a raw policy. Rules have no source: it is always the process of the profile. */
export type PolicyStatement =
  | { readonly statement: 'blockinherit'; readonly block: string }
  | {
      readonly statement: 'allow' | 'dontaudit';
      /** A type, an attribute, or {@link SELF}. */
      readonly target: string;
      readonly class: string;
      readonly permissions: readonly string[];
    }
  /** A type for files of the profile; it is `<name>.<type>` for everybody else. */
  | { readonly statement: 'type'; readonly type: string }
  /** `types` are the profile's own: {@link SELF} and those that it declares. */
  | { readonly statement: 'typeattributeset'; readonly attribute: string; readonly types: readonly string[] }
  | { readonly statement: 'roletype'; readonly role: 'object_r'; readonly type: string };

/** Returns the SELinux type that a pod names in `seLinuxOptions.type`, SPO's `status.usage`. */
export function selinuxUsage(name: string): string {
  return `${name}.process`;
}
