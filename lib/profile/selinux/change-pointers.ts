import type { Change } from '../change.ts';
import { type RawSelinuxProfile, SELF, type SelinuxProfile, selinuxUsage } from './model.ts';

/**
 * Returns JSON pointers into the resource of the new profile, to what decides about each change:
 * the permission, the inherited policy or the mode; for a raw profile its policy.
 */
export function selinuxChangePointers(
  _from: SelinuxProfile | RawSelinuxProfile,
  to: SelinuxProfile | RawSelinuxProfile,
  changes: readonly Change[],
): readonly string[] {
  if (to.kind === 'RawSELinux') return changes.map(() => '/spec/policy');
  return changes.map(({ subject }) => {
    const [word, ...names] = subject.split(' ');
    if (word === 'mode') return '/spec/mode';
    return word === 'inherit' ? inheritPointer(to, names) : allowPointer(to, names);
  });
}

function inheritPointer({ inherit }: SelinuxProfile, [kind, name]: readonly string[]): string {
  const index = inherit.findIndex((each) => each.kind === kind && each.name === name);
  return index < 0 ? '/spec/inherit' : `/spec/inherit/${index}`;
}

function allowPointer(
  { allow, name }: SelinuxProfile,
  [target = '', objectClass = '', permission = '']: readonly string[],
): string {
  // The process of the profile may be written in three ways.
  const targets = target === SELF ? [SELF, 'process', selinuxUsage(name)] : [target];
  for (const written of targets) {
    const permissions = allow.get(written)?.get(objectClass);
    const index = permissions === undefined ? -1 : [...permissions].indexOf(permission);
    if (index >= 0) return `/spec/allow/${written}/${objectClass}/${index}`;
  }
  return `/spec/allow/${target}/${objectClass}`;
}
