import type { AppArmorProfile } from './model.ts';

/**
 * What runtimes apply if nothing else is asked for, as a structured profile: every file, socket and
 * capability is left to what it is intersected with. Its limits are of the kinds that the format
 * cannot express; they are in every policy that is rendered (see {@link defaultRules}).
 */
export const runtimeDefaultAppArmor: AppArmorProfile = { mode: 'Enforce' };

/**
 * Who stops containers: processes of the node, and what runtimes run, under the profiles that
 * AppArmor 4 and later has for them or those of their paths, as in CRI-O's template.
 */
const signalling: readonly string[] = ['unconfined', '{/usr/bin/,/usr/sbin/,}{runc,crun*}'];

/**
 * Returns the rules of the runtime's default template, as containerd's cri-containerd.apparmor.d
 * and docker-default have them: signals and tracing among the processes of the container, no
 * mounts, and no writing to the files that configure the kernel. They hold whatever the profile
 * permits: a deny rule overrides every other rule. The kernel enforces deny rules in complain mode
 * too.
 *
 * @param peer the name of the profile itself, safe to quote.
 * @param enforced whether there are deny rules.
 */
export function defaultRules(peer: string, enforced: boolean): readonly string[] {
  return [
    '# Signals: from the node and the runtimes, and among the processes of the container.',
    ...signalling.map((sender) => `signal (receive) peer="${sender}",`),
    `signal (send, receive) peer="${peer}",`,
    `ptrace (read, readby, trace, tracedby) peer="${peer}",`,
    'umount,',
    ...(enforced ? deniedByDefault : []),
  ];
}

/**
 * Paths that the default rules deny, and the permissions that they take from them, as apparmor.d(5)
 * writes these.
 */
export interface DeniedPath {
  readonly path: string;
  readonly permissions: string;
}

/** Of /proc, only the directories of processes and the limits of shared memory may be written. */
const deniedInProc: readonly DeniedPath[] = [
  { path: '/proc/*', permissions: 'wlk' },
  { path: '/proc/{[^0-9s]*,s[^y]*,sy[^s]*,sys?*}/**', permissions: 'wlk' },
  { path: '/proc/sys/{[^k]**,k[^e]**,ke[^r]**,ker[^n]**,kern[^e]**,kerne[^l]**,kernel?*/**}', permissions: 'wlk' },
  { path: '/proc/sys/kernel/{?,??,[^s]**,s[^h]**,sh[^m]**}', permissions: 'wlk' },
  { path: '/proc/{kcore,kmem,mem,sysrq-trigger}', permissions: 'rwklx' },
];

/** Of /sys, only control groups may be written. */
const deniedInSys: readonly DeniedPath[] = [
  { path: '/sys/{[^f]*,f[^s]*,fs?*}/**', permissions: 'wklx' },
  {
    path: '/sys/fs/{[^c]*,c[^g]*,cg[^r]*,cgr[^o]*,cgro[^u]*,cgrou[^p]*,cgroup?*}/**',
    permissions: 'wklx',
  },
  { path: '/sys/{firmware,devices/virtual/powercap,kernel/security}/**', permissions: 'rwklx' },
];

/** What every policy that enforces denies, whatever the profile lists. */
export const deniedPaths: readonly DeniedPath[] = [...deniedInProc, ...deniedInSys];

const deniedByDefault: readonly string[] = [
  'deny mount,',
  '# Of /proc, only the directories of processes and the limits of shared memory may be written.',
  ...deniedInProc.map(denyRule),
  '# Of /sys, only control groups may be written.',
  ...deniedInSys.map(denyRule),
];

function denyRule({ path, permissions }: DeniedPath): string {
  return `deny "${path}" ${permissions},`;
}
