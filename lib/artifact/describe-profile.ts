import type { Profile } from '#lib/profile/profile';

/** The annotations by which people and catalogs find a profile without fetching it. */
export interface ProfileDescription {
  /** Follow from the profile: nobody may say otherwise. */
  readonly fixed: Readonly<Record<string, string>>;
  /** What the publisher may say better. */
  readonly defaults: Readonly<Record<string, string>>;
}

/** Annotation keys of our own. */
export const profileAnnotations = {
  name: 'dev.fairlead.profile.name',
  kind: 'dev.fairlead.profile.kind',
  architectures: 'dev.fairlead.profile.architectures',
  summary: 'dev.fairlead.profile.summary',
} as const;

/**
 * Describes a profile in annotations: kind and architectures (SCMP_ARCH_*, comma-separated; absent where the profile
 * names none, which means the native one), a name from its file name, and one line on what it permits.
 */
export function describeProfile(profile: Profile, fileName: string): ProfileDescription {
  const { defaultAction, architectures = [], syscalls = [] } = profile.seccomp;
  const names = new Map<string, Set<string>>();
  for (const rule of syscalls) {
    const ofAction = names.get(rule.action) ?? new Set<string>();
    for (const name of rule.names) ofAction.add(name);
    names.set(rule.action, ofAction);
  }
  const counts = [...names]
    .map(([action, of]) => `${shortAction(action)} for ${of.size} ${of.size === 1 ? 'syscall' : 'syscalls'}`)
    .sort();
  return {
    fixed: {
      [profileAnnotations.kind]: profile.kind,
      ...(architectures.length === 0 ? {} : { [profileAnnotations.architectures]: architectures.join(',') }),
    },
    defaults: {
      [profileAnnotations.name]: fileName.replace(/(?<=.)\.[A-Za-z0-9]+$/, ''),
      [profileAnnotations.summary]: [`default ${shortAction(defaultAction)}`, ...counts].join(', '),
    },
  };
}

function shortAction(action: string): string {
  return action.replace(/^SCMP_ACT_/, '').toLowerCase();
}
