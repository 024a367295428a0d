import type { RuntimeName } from '#lib/profile/seccomp/tables/runtime-identity';

/**
 * What a container asks for beside the runtime's default, named as in CRI's Capability; no runtime
 * grants ambient capabilities.
 */
export interface CapabilityChange {
  readonly addCapabilities: readonly string[];
  readonly dropCapabilities: readonly string[];
}

/** The runtime that decides about capabilities. */
export interface CapabilityRuntime {
  /** Undefined for a runtime that is not known. */
  readonly name: RuntimeName | undefined;
  /** The bounding set of a container that asks for nothing, as `CAP_…`. */
  readonly defaults: readonly string[];
}

/** Every capability (Linux 5.9 and later, include/uapi/linux/capability.h). */
const allNames = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT
  SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
  WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`;

/**
 * Returns the bounding set that a container will have, as `CAP_…` names, sorted: the runtime's
 * default plus what is added minus what is dropped. ALL is taken first, adding before dropping,
 * then single names, as containerd and CRI-O do it.
 *
 * containerd puts `CAP_` before every name, so that `CAP_SYS_ADMIN` names no capability there. For
 * a runtime that is not known, names count such that the set is the smaller one.
 */
export function containerCapabilities(change: CapabilityChange | undefined, runtime: CapabilityRuntime): string[] {
  const { addCapabilities: add = [], dropCapabilities: drop = [] } = change ?? {};
  const addedName = runtime.name === 'containerd' || runtime.name === undefined ? prefixedName : fullName;
  const droppedName = runtime.name === 'containerd' ? prefixedName : fullName;
  let held = new Set(runtime.defaults);
  if (add.some(isAll)) held = new Set(allNames.split(/\s+/).map(prefixedName));
  if (drop.some(isAll)) held = new Set();
  for (const name of add) if (!isAll(name)) held.add(addedName(name));
  for (const name of drop) held.delete(droppedName(name));
  // It is not a capability, but means all of them when default profiles are resolved.
  held.delete('CAP_ALL');
  return [...held].sort();
}

function isAll(name: string): boolean {
  return name.toUpperCase() === 'ALL';
}

function prefixedName(name: string): string {
  return `CAP_${name.toUpperCase()}`;
}

function fullName(name: string): string {
  return name.toUpperCase().replace(/^(?!CAP_)/, 'CAP_');
}
