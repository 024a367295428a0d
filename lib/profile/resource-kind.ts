import type { JsonDocument } from './json/read-json.ts';
import type { ProfileKind } from './profile.ts';

/** The custom resources of the Security Profiles Operator that hold profiles. */
export const resourceKinds: ReadonlyMap<string, ProfileKind> = new Map([
  ['SeccompProfile', 'Seccomp'],
  ['AppArmorProfile', 'AppArmor'],
  ['SelinuxProfile', 'SELinux'],
  ['RawSelinuxProfile', 'RawSELinux'],
]);

/**
 * Returns the kind of profile that a document holds as a custom resource; undefined if it is none
 * of them.
 */
export function resourceKind({ root }: JsonDocument): ProfileKind | undefined {
  const kind = root.type === 'object' ? root.members.get('kind')?.value : undefined;
  return kind?.type === 'string' ? resourceKinds.get(kind.value) : undefined;
}
