import type { AppArmorProfile } from '#lib/profile/apparmor/model';
import type { RuntimeProfile } from '#lib/profile/profile';
import type { SeccompProfile } from '#lib/profile/seccomp/model';

/** Annotations by which users and catalogs find a profile without fetching it. */
export interface ProfileDescription {
  /** Derived from the profile; a publisher cannot set them. */
  readonly fixed: Readonly<Record<string, string>>;
  /** Defaults that the publisher can replace. */
  readonly defaults: Readonly<Record<string, string>>;
}

/** Our own annotation keys. */
export const profileAnnotations = {
  name: 'dev.fairlead.profile.name',
  kind: 'dev.fairlead.profile.kind',
  architectures: 'dev.fairlead.profile.architectures',
  summary: 'dev.fairlead.profile.summary',
  /** Repositories of the container images that it is for, without tags, separated by commas. */
  images: 'dev.fairlead.profile.images',
} as const;

/**
 * Returns the annotations that describe a profile: kind; architectures (SCMP_ARCH_*,
 * comma-separated; absent if the profile has none, which means the native one); a name, if it is
 * published under a file name; and one line on what it permits.
 */
export function describeProfile(profile: RuntimeProfile, fileName: string | undefined): ProfileDescription {
  const { architectures, summary } = describeKind(profile);
  return {
    fixed: {
      [profileAnnotations.kind]: profile.kind,
      ...(architectures.length === 0 ? {} : { [profileAnnotations.architectures]: architectures.join(',') }),
    },
    defaults: {
      ...(fileName === undefined ? {} : { [profileAnnotations.name]: fileName.replace(/(?<=.)\.[A-Za-z0-9]+$/, '') }),
      [profileAnnotations.summary]: summary,
    },
  };
}

function describeKind(profile: RuntimeProfile): { architectures: readonly string[]; summary: string } {
  switch (profile.kind) {
    case 'Seccomp':
      return { architectures: profile.seccomp.architectures ?? [], summary: summarizeSeccomp(profile.seccomp) };
    case 'AppArmor':
      return { architectures: [], summary: summarizeAppArmor(profile.apparmor) };
  }
}

/** `default errno, allow for 210 syscalls`. */
function summarizeSeccomp({ defaultAction, syscalls = [] }: SeccompProfile): string {
  const names = new Map<string, Set<string>>();
  for (const rule of syscalls) {
    const ofAction = names.get(rule.action) ?? new Set<string>();
    for (const name of rule.names) ofAction.add(name);
    names.set(rule.action, ofAction);
  }
  const counts = [...names].map(([action, of]) => `${shortAction(action)} for ${count(of.size, 'syscall')}`).sort();
  return [`default ${shortAction(defaultAction)}`, ...counts].join(', ');
}

function shortAction(action: string): string {
  return action.replace(/^SCMP_ACT_/, '').toLowerCase();
}

/** `3 executables, 12 paths, network tcp, 1 capability`; `any` for what is not restricted. */
function summarizeAppArmor({ executable, filesystem, network, capability }: AppArmorProfile): string {
  const paths = filesystem && Object.values(filesystem).flat().length;
  const protocols = network && [
    ...(network.allowTcp ? ['tcp'] : []),
    ...(network.allowUdp ? ['udp'] : []),
    ...(network.allowRaw ? ['raw'] : []),
  ];
  return [
    executable === undefined ? 'any executable' : count(executable.allowedExecutables.length, 'executable'),
    paths === undefined ? 'any path' : count(paths, 'path'),
    `network ${protocols === undefined ? 'any' : protocols.join(' and ') || 'none'}`,
    capability === undefined
      ? 'any capability'
      : count(capability.allowedCapabilities.length, 'capability', 'capabilities'),
  ].join(', ');
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
