import type { MachineArchitecture } from './architecture.ts';
import { architectureFamily } from './architecture.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';
import { always, byArchitecture, byCapability } from './runtime-default-table.ts';

/** CLONE_NEW{NS,UTS,IPC,USER,PID,NET,CGROUP}: creating any namespace. */
const newNamespaces = 0x7e02_0000n;
const vsock = 40n;
/** PER_LINUX, PER_LINUX32, UNAME26, both, and the query for the present one. */
const personalities = [0x0n, 0x8n, 0x2_0000n, 0x2_0008n, 0xffff_ffffn];
const enosys = 38;

/**
 * The seccomp profile that the container runtime itself applies under RuntimeDefault, for one container: never
 * looser than what containerd 1.6, 1.7 and 2.1 apply on kernels since 4.8.
 *
 * @param capabilities the container's bounding set, `CAP_SYS_ADMIN` or `SYS_ADMIN`, in any case; `ALL` stands for all.
 */
export function runtimeDefault(container: {
  readonly architecture: MachineArchitecture;
  readonly capabilities: readonly string[];
}): SeccompProfile {
  const { architecture } = container;
  const capabilities = new Set(container.capabilities.map(capabilityName));
  const has = (name: string) => capabilities.has(name) || capabilities.has('CAP_ALL');
  const allowed = new Set([...always, ...(byArchitecture[architecture] ?? [])]);
  for (const [capability, names] of Object.entries(byCapability)) {
    if (has(capability)) for (const name of names) allowed.add(name);
  }
  const syscalls: SeccompRule[] = [{ names: [...allowed].sort(), action: 'SCMP_ACT_ALLOW' }];
  syscalls.push(allowIf('socket', { index: 0, value: vsock, op: 'SCMP_CMP_NE' }));
  for (const value of personalities) syscalls.push(allowIf('personality', { index: 0, value, op: 'SCMP_CMP_EQ' }));
  if (!has('CAP_SYS_ADMIN')) {
    const index = architecture === 's390x' ? 1 : 0;
    syscalls.push(allowIf('clone', { index, value: newNamespaces, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }));
    // clone3 takes its flags by pointer, which a filter cannot see; ENOSYS makes libraries fall back to clone.
    syscalls.push({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: enosys });
  }
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: architectureFamily(architecture),
    syscalls,
  };
}

function allowIf(name: string, arg: SeccompArg): SeccompRule {
  return { names: [name], action: 'SCMP_ACT_ALLOW', args: [arg] };
}

function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
}
