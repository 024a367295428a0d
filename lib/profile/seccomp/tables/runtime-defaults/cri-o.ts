import type { SeccompArg } from '../../model.ts';
import { createsNoNamespace, einval, enosys, eperm, usualPersonalities } from './shared-rules.ts';
import {
  allow,
  type RuleCondition,
  type RuntimeDefaultRule,
  type RuntimeDefaultTable,
  refuse,
  revise,
} from './table.ts';

/** CLONE_NEW{NS,UTS,IPC,USER,PID,NET,CGROUP}, one by one. */
const eachNamespace = [0x2_0000n, 0x400_0000n, 0x800_0000n, 0x1000_0000n, 0x2000_0000n, 0x4000_0000n, 0x200_0000n];

/** Conditions on one argument are alternatives. */
const createsNamespace = (index: number): readonly SeccompArg[] =>
  eachNamespace.map((value) => ({ index, value, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' }));

/** Domain AF_NETLINK, which is 16, and protocol NETLINK_AUDIT, which is 9. */
const isNetlink: SeccompArg = { index: 0, value: 16n, op: 'SCMP_CMP_EQ' };
const isNotNetlink: SeccompArg = { ...isNetlink, op: 'SCMP_CMP_NE' };
const isAudit: SeccompArg = { index: 2, value: 9n, op: 'SCMP_CMP_EQ' };
const isNotAudit: SeccompArg = { ...isAudit, op: 'SCMP_CMP_NE' };
const withoutAuditWrite: RuleCondition = { noneOfCaps: ['CAP_AUDIT_WRITE'] };
const isVsock: SeccompArg = { index: 0, value: 40n, op: 'SCMP_CMP_EQ' };
const isNotVsock: SeccompArg = { ...isVsock, op: 'SCMP_CMP_NE' };

/** Every domain, but with CAP_AUDIT_WRITE only for NETLINK_AUDIT. */
const socketsExceptAudit: readonly RuntimeDefaultRule[] = [
  refuse(einval, 'socket', withoutAuditWrite, [isNetlink, isAudit]),
  allow('socket', withoutAuditWrite, [isNotAudit]),
  allow('socket', withoutAuditWrite, [isNotNetlink]),
  allow('socket', { allCaps: ['CAP_AUDIT_WRITE'] }),
];

/** Allowed with a capability, EPERM without. */
const needing = (capability: string, names: string): readonly RuntimeDefaultRule[] => [
  allow(names, { allCaps: [capability] }),
  refuse(eperm, names, { noneOfCaps: [capability] }),
];

const source = (tag: string, commit: string, library: string): string => {
  const vendored = library.split(' ')[0];
  return (
    `github.com/cri-o/cri-o, tag ${tag} (commit ${commit}), internal/config/seccomp/seccomp.go applied to ` +
    `vendor/${vendored}/pkg/seccomp/default_linux.go (${library})`
  );
};

const v1_29_0: RuntimeDefaultTable = {
  runtime: 'cri-o',
  versions: [
    ['1.29.0', '1.29.8'],
    ['1.30.0', '1.30.5'],
  ],
  source: source('v1.29.0', 'd59bbdc252837107c9f5d235b8fb2650ff2b9d93', 'github.com/containers/common v0.57.1'),
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: enosys,
  rules: [
    refuse(
      eperm,
      `
        bdflush io_pgetevents kexec_file_load kexec_load migrate_pages move_pages nfsservctl nice oldfstat oldlstat
        oldolduname oldstat olduname pciconfig_iobase pciconfig_read pciconfig_write sgetmask ssetmask swapcontext swapoff
        swapon sysfs uselib userfaultfd ustat vm86 vm86old vmsplice
      `,
    ),
    allow(`
      _llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chown32
      clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
      clock_nanosleep_time64 clone clone3 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
      epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve
      execveat exit exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod
      fchmodat fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsconfig
      fsetxattr fsmount fsopen fspick fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex
      futex_time64 futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid
      getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid
      getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid getsockname
      getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1
      inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get ioprio_set ipc keyctl kill
      landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat listen
      listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise mbind membarrier memfd_create memfd_secret
      mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mount mount_setattr move_mount mprotect
      mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
      mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat open
      open_tree openat openat2 pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pivot_root pkey_alloc pkey_free
      pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease process_vm_readv
      process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead readdir readlink
      readlinkat readv reboot recv recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename
      renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
      rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max
      sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
      sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
      select semctl semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto
      set_mempolicy set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid
      setgid32 setgroups setgroups32 setitimer setns setpgid setpriority setregid setregid32 setresgid setresgid32
      setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl shmdt
      shmget shutdown sigaction sigaltstack signal signalfd signalfd4 sigpending sigprocmask sigreturn sigsuspend
      socketcall socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range syncfs
      syscall sysinfo syslog tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64
      timer_settime timer_settime64 timerfd timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
      timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask umount umount2 uname unlink unlinkat utime
      utimensat utimensat_time64 utimes vfork wait4 waitid waitpid write writev
    `),
    ...usualPersonalities,
    allow('sync_file_range2', { arch: ['ppc64le'] }),
    allow('arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2', {
      arch: ['arm', 'arm64'],
    }),
    allow('arch_prctl', { arch: ['amd64'] }),
    allow('modify_ldt', { arch: ['amd64', '386'] }),
    allow('s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr', { arch: ['s390x'] }),
    ...needing('CAP_DAC_READ_SEARCH', 'open_by_handle_at'),
    // setns is allowed for all above already, and the first rule holds.
    ...needing(
      'CAP_SYS_ADMIN',
      'bpf fanotify_init lookup_dcookie perf_event_open quotactl setdomainname sethostname setns',
    ),
    ...needing('CAP_SYS_CHROOT', 'chroot'),
    ...needing('CAP_SYS_MODULE', 'delete_module finit_module init_module query_module'),
    ...needing('CAP_SYS_PACCT', 'acct'),
    ...needing('CAP_SYS_PTRACE', 'kcmp process_madvise'),
    ...needing('CAP_SYS_RAWIO', 'ioperm iopl'),
    ...needing('CAP_SYS_TIME', 'clock_settime clock_settime64 settimeofday stime'),
    ...needing('CAP_SYS_TTY_CONFIG', 'vhangup'),
    ...socketsExceptAudit,
    allow('unshare', { allCaps: ['CAP_SYS_ADMIN'] }),
  ],
};

const v1_29_9 = revise(v1_29_0, {
  versions: [
    ['1.29.9', '1.29.13'],
    ['1.30.6', '1.30.14'],
  ],
  source: source('v1.29.9', '933bdd28b54ead4dfbbb1b0cc5ff46e8942b08a1', 'github.com/containers/common v0.57.1'),
  remove: [allow('clone clone3')],
  add: [
    allow('clone clone3', { allCaps: ['CAP_SYS_ADMIN'] }),
    allow('clone', { notArch: ['s390x'] }, createsNoNamespace(0)),
    allow('clone', { arch: ['s390x'] }, createsNoNamespace(1)),
    refuse(eperm, 'clone', { notArch: ['s390x'], noneOfCaps: ['CAP_SYS_ADMIN'] }, createsNamespace(0)),
    refuse(eperm, 'clone', { arch: ['s390x'], noneOfCaps: ['CAP_SYS_ADMIN'] }, createsNamespace(1)),
    refuse(enosys, 'clone3', { noneOfCaps: ['CAP_SYS_ADMIN'] }),
  ],
});

const v1_31_0 = revise(v1_29_9, {
  versions: [
    ['1.31.0', '1.31.13'],
    ['1.32.0', '1.32.13'],
  ],
  source: source('v1.31.0', 'ac758bb6183ef69cd47c663eb916953217a97fb3', 'github.com/containers/common v0.60.2'),
  remove: [
    refuse(eperm, 'swapcontext'),
    allow('readdir sigaction sigpending sigsuspend syscall timerfd'),
    allow('perf_event_open', { allCaps: ['CAP_SYS_ADMIN'] }),
    refuse(eperm, 'bpf', { noneOfCaps: ['CAP_SYS_ADMIN'] }),
  ],
  add: [
    refuse(
      eperm,
      'cachestat futex_requeue futex_wait futex_waitv futex_wake io_pgetevents_time64 map_shadow_stack syscall',
    ),
    allow('fchmodat2'),
    allow('swapcontext', { arch: ['ppc64le'] }),
    allow('riscv_flush_icache', { arch: ['riscv64'] }),
    ...needing('CAP_SYS_ADMIN', 'quotactl_fd'),
    refuse(eperm, 'bpf perf_event_open', { noneOfCaps: ['CAP_SYS_ADMIN', 'CAP_BPF'] }),
    allow('bpf', { allCaps: ['CAP_BPF'] }),
    allow('perf_event_open', { allCaps: ['CAP_PERFMON'] }),
  ],
});

const v1_33_0 = revise(v1_31_0, {
  versions: [
    ['1.33.0', '1.33.13'],
    ['1.34.0', '1.34.11'],
    ['1.35.0', '1.35.0'],
  ],
  source: source('v1.33.0', '9d143f94054fc5c8338673f35f7c0164490363b3', 'github.com/containers/common v0.63.0'),
  remove: needing('CAP_SYS_ADMIN', 'fanotify_init'),
  add: [allow('fanotify_init')],
});

const v1_35_1 = revise(v1_33_0, {
  versions: [
    ['1.35.1', '1.35.6'],
    ['1.36.0', '1.36.3'],
    ['1.37.0', '1.37.0'],
  ],
  source: source(
    'v1.35.1',
    '3db5fd17ae814fdbb5fb6afe7c2214613af93d43',
    'go.podman.io/common v0.66.2-0.20260126213724-1e46b0756b39',
  ),
  remove: [
    refuse(eperm, 'perf_event_open', { noneOfCaps: ['CAP_SYS_ADMIN'] }),
    refuse(eperm, 'perf_event_open', { noneOfCaps: ['CAP_SYS_ADMIN', 'CAP_BPF'] }),
    ...socketsExceptAudit,
  ],
  add: [
    allow('perf_event_open', { allCaps: ['CAP_SYS_ADMIN'] }),
    refuse(eperm, 'perf_event_open', { noneOfCaps: ['CAP_SYS_ADMIN', 'CAP_PERFMON'] }),
    // The first of these overlaps with others, which libseccomp decides by their order.
    refuse(eperm, 'socket', undefined, [isVsock]),
    refuse(einval, 'socket', withoutAuditWrite, [isNetlink, isAudit]),
    allow('socket', withoutAuditWrite, [isNetlink, isNotAudit]),
    allow('socket', withoutAuditWrite, [isNotNetlink]),
    allow('socket', { allCaps: ['CAP_AUDIT_WRITE'] }, [isNotVsock]),
  ],
});

/** The default profiles of CRI-O, oldest first. */
export const criO: readonly RuntimeDefaultTable[] = [v1_29_0, v1_29_9, v1_31_0, v1_33_0, v1_35_1];
