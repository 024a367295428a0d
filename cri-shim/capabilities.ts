import type { Capability } from './gen/cri_pb.js';

/** What a container asks for beside the runtime's default. */
type CapabilityChange = Pick<Capability, 'addCapabilities' | 'addAmbientCapabilities' | 'dropCapabilities'>;

/** What containerd gives a container that asks for nothing (containerd, oci.defaultUnixCaps). */
const defaultNames = `CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`;

/** Every capability (Linux 5.9 and later, include/uapi/linux/capability.h). */
const allNames = `CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT
  SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
  WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`;

const named = (names: string): string[] => names.split(/\s+/).map((name) => `CAP_${name}`);

/**
 * The capabilities that a container will have, as `CAP_…` names, sorted: the runtime's default plus what is added minus what is
 * dropped. ALL is taken first, adding before dropping, then single names, as containerd does it.
 */
export function containerCapabilities(capability: CapabilityChange | undefined): string[] {
  const add = [...(capability?.addCapabilities ?? []), ...(capability?.addAmbientCapabilities ?? [])].map(fullName);
  const drop = (capability?.dropCapabilities ?? []).map(fullName);
  let held = new Set(named(defaultNames));
  if (add.includes('CAP_ALL')) held = new Set(named(allNames));
  if (drop.includes('CAP_ALL')) held = new Set();
  for (const name of add) if (name !== 'CAP_ALL') held.add(name);
  for (const name of drop) held.delete(name);
  return [...held].sort();
}

function fullName(name: string): string {
  const upper = name.toUpperCase();
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}
