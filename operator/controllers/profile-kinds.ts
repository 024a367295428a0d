import { usage } from './workload.ts';

/** The kinds of custom resources that hold profiles. */
export type ProfileResourceKind = 'SeccompProfile' | 'SelinuxProfile' | 'RawSelinuxProfile' | 'AppArmorProfile';

/** What a controller needs to know about a kind of profile. */
export interface ProfileResource {
  readonly plural: string;
  /** What pods name to run under a profile, which is in its status; keys of {@link usage}. */
  readonly usedAs: (name: string) => string;
  /** The members of the status that name the profile for pods. */
  readonly named: (name: string) => Readonly<Record<string, string>>;
  /** Reports whether the status names the pods that use the profile. */
  readonly hasWorkloads: boolean;
}

/** As nodes name the file below the seccomp directory of the kubelet. */
function seccompFile(name: string): string {
  return name.endsWith('.json') ? `operator/${name}` : `operator/${name}.json`;
}

const selinux = (plural: string): ProfileResource => ({
  plural,
  usedAs: (name) => usage('selinux', `${name}.process`),
  named: (name) => ({ usage: `${name}.process` }),
  hasWorkloads: true,
});

/** The kinds, as the Security Profiles Operator names them for pods. */
export const profileResources: Readonly<Record<ProfileResourceKind, ProfileResource>> = {
  SeccompProfile: {
    plural: 'seccompprofiles',
    usedAs: (name) => usage('seccomp', seccompFile(name)),
    named: (name) => ({
      localhostProfile: seccompFile(name),
      path: `/var/lib/kubelet/seccomp/${seccompFile(name)}`,
    }),
    hasWorkloads: true,
  },
  SelinuxProfile: selinux('selinuxprofiles'),
  RawSelinuxProfile: selinux('rawselinuxprofiles'),
  AppArmorProfile: {
    plural: 'apparmorprofiles',
    usedAs: (name) => usage('apparmor', name),
    named: () => ({}),
    hasWorkloads: false,
  },
};
