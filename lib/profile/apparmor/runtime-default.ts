import type { AppArmorMode, AppArmorProfile } from './model.ts';

/**
 * What runtimes apply where nothing else is asked for, as a structured profile: every file, socket and capability is
 * left to what it is intersected with. Its limits are of the kinds that the format cannot say; they are in every policy
 * that is rendered (see {@link defaultRules}).
 */
export const runtimeDefaultAppArmor: AppArmorProfile = { mode: 'Enforce' };

/**
 * Rules of the runtime's default template, as containerd's cri-containerd.apparmor.d and docker-default have them:
 * signals and tracing among the processes of the container, no mounts, and no writing where the kernel is configured.
 * They hold whatever the profile permits: a deny rule overrides every other rule. The kernel enforces deny rules in
 * complain mode too, which must deny nothing, so they are omitted there.
 *
 * @param peer the name of the profile itself, safe to quote.
 */
export function defaultRules(peer: string, mode: AppArmorMode): readonly string[] {
  return [
    '# Signals: from the node and the runtimes, and among the processes of the container.',
    ...['unconfined', 'runc', 'crun'].map((sender) => `signal (receive) peer="${sender}",`),
    `signal (send, receive) peer="${peer}",`,
    `ptrace (read, readby, trace, tracedby) peer="${peer}",`,
    'umount,',
    ...(mode === 'Complain' ? [] : deniedByDefault),
  ];
}

const deniedByDefault: readonly string[] = [
  'deny mount,',
  '# Of /proc, only the folders of processes and the limits of shared memory may be written.',
  'deny "/proc/*" wlk,',
  'deny "/proc/{[^0-9s]*,s[^y]*,sy[^s]*,sys?*}/**" wlk,',
  'deny "/proc/sys/{[^k]**,k[^e]**,ke[^r]**,ker[^n]**,kern[^e]**,kerne[^l]**,kernel?*/**}" wlk,',
  'deny "/proc/sys/kernel/{?,??,[^s]**,s[^h]**,sh[^m]**}" wlk,',
  'deny "/proc/{kcore,kmem,mem,sysrq-trigger}" rwklx,',
  '# Of /sys, only control groups may be written.',
  'deny "/sys/{[^f]*,f[^s]*,fs?*}/**" wklx,',
  'deny "/sys/fs/{[^c]*,c[^g]*,cg[^r]*,cgr[^o]*,cgro[^u]*,cgrou[^p]*,cgroup?*}/**" wklx,',
  'deny "/sys/{firmware,devices/virtual/powercap,kernel/security}/**" rwklx,',
];
