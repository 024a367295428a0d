import type { Box } from '../algebra/box.ts';
import { knownArgument } from '../tables/argument-values.ts';
import type { Calls } from './reach.ts';

/** Something that programs do, in everyday words. */
export interface Ability {
  /** As the end of "It can …", with a capital. */
  readonly text: string;
  /** For each part of it, system calls of which one is enough. */
  readonly needs: readonly (readonly Calls[])[];
  /** What is added to the text if these calls are refused on every architecture. */
  readonly without?: { readonly text: string; readonly calls: readonly Calls[] };
}

/** Something that a profile may keep programs from. */
export interface Denial {
  /** As the end of "It cannot …", with a capital. */
  readonly text: string;
  /** Every system call that does it, the best known first. */
  readonly calls: readonly Calls[];
  /** Other calls by which it is done too, and how sentences name that way. */
  readonly detours?: readonly { readonly text: string; readonly calls: readonly Calls[] }[];
}

function calls(names: string): readonly Calls[] {
  return names.split(' ').map((name) => ({ name }));
}

/** The first argument has one of the values, of which kernels read 32 bits. */
function first(name: string, ...values: readonly bigint[]): Calls {
  return { name, when: values.map((value): Box => [{ index: 0, set: { form: 'lowRange', low: value, high: value } }]) };
}

/** The flags that make a namespace, one of which is enough. */
const namespaceFlags = [...(knownArgument('clone', 0)?.constants ?? [])].flatMap(([bit, name]) =>
  // For clone it is part of the signal's number.
  name.startsWith('CLONE_NEW') && name !== 'CLONE_NEWTIME' ? [bit] : [],
);
const cloneNamespaces: Calls = {
  name: 'clone',
  when: namespaceFlags.map((bit): Box => [{ index: 0, set: { form: 'bits', mask: bit, value: bit } }]),
};
const namespaces = [cloneNamespaces, ...calls('clone3 unshare')];

/** Without any of them: a process or a thread like the one that makes it. */
const clonePlain: Calls = {
  name: 'clone',
  when: [[{ index: 0, set: { form: 'bits', mask: namespaceFlags.reduce((all, bit) => all | bit, 0n), value: 0n } }]],
};

const families = { inet: 2n, inet6: 10n, netlink: 16n, packet: 17n, vsock: 40n };
const socket = (...values: readonly bigint[]): Calls => first('socket', ...values);
/** As programs pass the family: its upper half is empty. */
const opening = (value: bigint): Calls => ({
  name: 'socket',
  when: [[{ index: 0, set: { form: 'range', low: value, high: value } }]],
});

/** Of AF_INET with the type SOCK_PACKET, which may have flags, the kernel makes a packet socket. */
const inetPacket: Calls = {
  name: 'socket',
  when: [
    [
      { index: 0, set: { form: 'lowRange', low: families.inet, high: families.inet } },
      { index: 1, set: { form: 'bits', mask: 0xfn, value: 10n } },
    ],
  ],
};

/** A ring submits many kinds of calls, which no filter sees. */
const byRing = { text: 'through io_uring', calls: calls('io_uring_setup') };
const byStarting = { text: 'by starting a set-user-ID program', calls: calls('execve execveat') };

/** What programs usually need, in the order in which pages list it. */
export const abilities: readonly Ability[] = [
  {
    text: 'Read, write, create, rename and delete files',
    needs: [
      calls('open openat openat2'),
      calls('read readv pread64'),
      calls('write writev pwrite64'),
      calls('rename renameat renameat2'),
      calls('unlink unlinkat'),
    ],
  },
  {
    text: 'Open network connections and accept them',
    needs: [
      [opening(families.inet), opening(families.inet6)],
      calls('bind'),
      calls('listen'),
      calls('accept accept4'),
      calls('connect'),
    ],
  },
  {
    text: 'Start programs and threads',
    needs: [calls('execve execveat'), [clonePlain, ...calls('clone3 fork vfork')]],
    without: { text: ', without new namespaces', calls: namespaces },
  },
  {
    text: 'Change its user and its groups',
    needs: [calls('setuid setreuid setresuid'), calls('setgid setregid setresgid'), calls('setgroups')],
  },
  {
    text: 'Read the clock and wait',
    needs: [calls('clock_gettime gettimeofday'), calls('nanosleep clock_nanosleep poll ppoll select pselect6')],
  },
  { text: 'Map memory, and make it executable', needs: [calls('mmap'), calls('mprotect pkey_mprotect')] },
  { text: 'Send signals to other processes', needs: [calls('kill tgkill pidfd_send_signal')] },
  { text: 'Read and write files that are open', needs: [calls('read readv pread64'), calls('write writev pwrite64')] },
];

/** What a profile may keep programs from, in the order in which pages list it. */
export const denials: readonly Denial[] = [
  {
    text: 'Create sockets',
    calls: calls('socket socketpair accept accept4'),
    detours: [byRing],
  },
  { text: 'Start other programs', calls: calls('execve execveat') },
  { text: 'Create processes or threads', calls: calls('clone clone3 fork vfork') },
  {
    text: 'Open files',
    calls: calls('open openat openat2 creat open_by_handle_at'),
    detours: [byRing],
  },
  {
    text: 'Change file modes',
    calls: calls('chmod fchmod fchmodat fchmodat2'),
    detours: [{ text: 'through POSIX ACLs', calls: calls('setxattr lsetxattr fsetxattr setxattrat') }, byRing],
  },
  { text: 'Change who owns a file', calls: calls('chown fchown fchownat lchown chown32 fchown32 lchown32') },
  { text: 'Trace other processes', calls: calls('ptrace perf_event_open bpf') },
  { text: 'Create device files', calls: calls('mknod mknodat') },
  {
    text: 'Read or write extended attributes',
    calls: calls(
      'setxattr getxattr lsetxattr fsetxattr setxattrat lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr ' +
        'listxattrat removexattr lremovexattr fremovexattr removexattrat',
    ),
    detours: [byRing],
  },
  {
    text: 'Use System V memory, semaphores or message queues',
    calls: calls(
      'shmget semget msgget shmat shmdt shmctl semop semctl semtimedop semtimedop_time64 msgsnd msgrcv msgctl',
    ),
  },
  {
    text: 'Change its user or its groups',
    calls: calls(
      'setuid setgid setgroups setreuid setregid setresuid setresgid setfsuid setfsgid setuid32 setgid32 setgroups32 ' +
        'setreuid32 setregid32 setresuid32 setresgid32 setfsuid32 setfsgid32',
    ),
    detours: [byStarting],
  },
  { text: 'Use netlink', calls: [socket(families.netlink)], detours: [byRing] },
  { text: 'Open packet sockets', calls: [socket(families.packet), inetPacket], detours: [byRing] },
  { text: 'Reach the host of a virtual machine by vsock', calls: [socket(families.vsock)], detours: [byRing] },
  { text: 'Change its root directory', calls: calls('chroot pivot_root setns') },
  { text: 'Make namespaces', calls: namespaces },
  {
    text: 'Mount or unmount file systems',
    calls: calls('mount umount2 umount move_mount fsmount fsopen open_tree open_tree_attr mount_setattr pivot_root'),
  },
  { text: 'Load a kernel module from a file', calls: calls('init_module finit_module create_module') },
  { text: 'Load eBPF programs', calls: calls('bpf') },
  { text: 'Use the keyrings of the kernel', calls: calls('keyctl add_key request_key') },
  { text: 'Use io_uring', calls: calls('io_uring_setup io_uring_enter io_uring_register') },
  {
    text: 'Set the system clock',
    calls: calls('clock_settime settimeofday adjtimex clock_adjtime stime clock_settime64 clock_adjtime64'),
  },
  { text: 'Load another kernel', calls: calls('kexec_load kexec_file_load') },
];
