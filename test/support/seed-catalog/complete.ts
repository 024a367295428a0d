import type { SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { isKnownSyscall } from '#lib/profile/seccomp/tables/syscall-names';
import { withEquivalents } from './equivalents.ts';
import type { Recording } from './recording.ts';

/**
 * Those of the images. Programs of 32 bits, which the same machines run, are killed: by calls such
 * as socketcall they would evade the conditions on arguments.
 */
const architectures = ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'];

/**
 * Calls of every program that a recording may lack, since they depend on the C library, on the
 * runtime of a language, on the scheduler or on an event that did not happen.
 */
const always: Readonly<Record<string, readonly string[]>> = {
  'start of a process, its memory and its end': [
    ...['arch_prctl', 'brk', 'execve', 'exit', 'exit_group', 'getrandom', 'madvise', 'mincore', 'mmap', 'mprotect'],
    ...['mremap', 'munmap', 'prlimit64', 'set_robust_list', 'set_tid_address', 'uname', 'sysinfo'],
  ],
  // The kernel continues interrupted calls with restart_syscall, which strace rarely sees.
  'threads and signals': [
    ...['clone', 'futex', 'get_robust_list', 'getpid', 'getppid', 'gettid', 'kill', 'membarrier', 'restart_syscall'],
    ...['rseq', 'rt_sigaction', 'rt_sigpending', 'rt_sigprocmask', 'rt_sigqueueinfo', 'rt_sigreturn', 'rt_sigsuspend'],
    ...['rt_sigtimedwait', 'sched_getaffinity', 'sched_yield', 'sigaltstack', 'tgkill', 'tkill', 'wait4'],
  ],
  // musl writes streams by writev; x86 without a vDSO asks the kernel for the time. Some are here
  // since programs use them for large files, other file systems or statistics only.
  'files, pipes, time and statistics': [
    ...['access', 'chdir', 'clock_getres', 'clock_gettime', 'clock_nanosleep', 'close', 'close_range', 'dup', 'dup2'],
    ...['fadvise64', 'fcntl', 'fstat', 'getcwd', 'getdents64', 'ioctl', 'lseek', 'openat', 'pipe2', 'poll', 'pread64'],
    ...['pselect6', 'pwrite64', 'read', 'readlink', 'readv', 'umask', 'write', 'writev'],
    ...['copy_file_range', 'fallocate', 'flock', 'fsync', 'ftruncate', 'preadv', 'pwritev', 'sendfile', 'statfs'],
    ...['getcpu', 'getpgrp', 'getrusage', 'getsid', 'times', 'sched_get_priority_max', 'sched_get_priority_min'],
    ...['sched_getparam', 'sched_getscheduler'],
  ],
  'events, as Go and libuv wait for them': ['epoll_create1', 'epoll_ctl', 'epoll_wait', 'eventfd2'],
  'names of hosts, users and groups, looked up over sockets': [
    ...['bind', 'connect', 'getpeername', 'getsockname', 'getsockopt', 'recvfrom', 'recvmsg', 'sendmmsg', 'sendmsg'],
    ...['recvmmsg', 'sendto', 'setsockopt', 'shutdown', 'socketpair'],
  ],
};

/**
 * clone3 is left out: its flags lie in memory, which filters cannot read, and C libraries use clone
 * after ENOSYS.
 */
const cloneWithoutNamespaces: SeccompRule = {
  names: ['clone'],
  action: 'SCMP_ACT_ALLOW',
  // None of CLONE_NEWNS and the other flags that make namespaces.
  args: [{ index: 0, value: 0x7e02_0000n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }],
};

const familyNumbers: Readonly<Record<string, bigint>> = { AF_UNIX: 1n, AF_INET: 2n, AF_INET6: 10n, AF_NETLINK: 16n };
/** C libraries go on without AF_NETLINK when they look up names. */
const usualFamilies = ['AF_UNIX', 'AF_INET', 'AF_INET6'];
const decidedByArguments = new Set(['clone', 'clone3', 'socket']);

/** What a profile consists of. */
export interface Parts {
  readonly recordings: readonly Recording[];
  /** What runtimes call between loading the filter and starting the program. */
  readonly bases: readonly SeccompProfile[];
  /** Calls of other versions and configurations of the program. */
  readonly more: readonly string[];
  /** What RuntimeDefault allows. Nodes grant no other call, and programs work without. */
  readonly grantable: ReadonlySet<string>;
}

/**
 * Returns the profile of a program: what was recorded, what runtimes need, what every program may
 * call, and all that does the same. Other calls fail with ENOSYS, after which programs use older
 * ones: EPERM would end those that are newer than the recording.
 *
 * @throws Error if a recording has sockets of a family that no rule is known for.
 */
export function completeProfile({ recordings, bases, more, grantable }: Parts): SeccompProfile {
  const names = withEquivalents([
    ...recordings.flatMap(({ calls }) => calls),
    ...bases.flatMap(({ syscalls = [] }) => syscalls.flatMap((rule) => rule.names)),
    ...Object.values(always).flat(),
    ...more,
  ]);
  const unconditional = [...names].filter(
    (name) => grantable.has(name) && isKnownSyscall(name, architectures) && !decidedByArguments.has(name),
  );
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures,
    syscalls: [
      { names: unconditional.sort(), action: 'SCMP_ACT_ALLOW' },
      cloneWithoutNamespaces,
      ...[...new Set([...usualFamilies, ...recordings.flatMap(({ families }) => families)])].map(socketOf),
    ],
  };
}

/** Returns the rule that allows the sockets of one address family. */
function socketOf(family: string): SeccompRule {
  const value = familyNumbers[family];
  if (value === undefined) throw new Error(`no rule allows sockets of ${family}`);
  return { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }] };
}
