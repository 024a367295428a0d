/** Capabilities of capabilities(7), as AppArmor writes them. */
export const capabilities: ReadonlySet<string> = new Set([
  'audit_control',
  'audit_read',
  'audit_write',
  'block_suspend',
  'bpf',
  'checkpoint_restore',
  'chown',
  'dac_override',
  'dac_read_search',
  'fowner',
  'fsetid',
  'ipc_lock',
  'ipc_owner',
  'kill',
  'lease',
  'linux_immutable',
  'mac_admin',
  'mac_override',
  'mknod',
  'net_admin',
  'net_bind_service',
  'net_broadcast',
  'net_raw',
  'perfmon',
  'setfcap',
  'setgid',
  'setpcap',
  'setuid',
  'sys_admin',
  'sys_boot',
  'sys_chroot',
  'sys_module',
  'sys_nice',
  'sys_pacct',
  'sys_ptrace',
  'sys_rawio',
  'sys_resource',
  'sys_time',
  'sys_tty_config',
  'syslog',
  'wake_alarm',
]);

/** Those with which a process can undo its own confinement or take over the node. */
export const dangerousCapabilities: ReadonlySet<string> = new Set([
  'bpf',
  'dac_read_search',
  'mac_admin',
  'mac_override',
  'sys_admin',
  'sys_boot',
  'sys_module',
  'sys_ptrace',
  'sys_rawio',
]);

/**
 * Profile names that belong to the kernel and to runtimes: a policy of that name would replace
 * theirs.
 */
export const reservedNames: ReadonlySet<string> = new Set([
  'containers-default',
  'cri-containerd.apparmor.d',
  'crio-default',
  'crun',
  'docker-default',
  'runc',
  'unconfined',
]);

/** What a profile may cost before it is refused. */
export const limits = {
  /** Paths of all lists together. */
  paths: 4096,
  /** Characters of one path, variables expanded (PATH_MAX of Linux). */
  pathLength: 4096,
  /** `*`, `**`, `?`, classes and groups of one path together. */
  wildcards: 128,
  /** Branches of all `{}` groups of one path together. */
  branches: 256,
  /** `{}` within `{}`; apparmor_parser refuses 50. */
  depth: 16,
} as const;
