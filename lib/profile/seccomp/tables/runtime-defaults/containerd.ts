import { createsNoNamespace, enosys, exceptVsock, exceptVsockAndAlg, usualPersonalities } from './shared-rules.ts';
import { allow, type RuntimeDefaultTable, refuse, revise } from './table.ts';

const source = (tag: string, commit: string, blob: string): string =>
  `github.com/containerd/containerd, tag ${tag} (commit ${commit}), contrib/seccomp/seccomp_default.go (blob ${blob})`;

const v1_6_0: RuntimeDefaultTable = {
  runtime: 'containerd',
  versions: [['1.6.0', '1.6.6']],
  source: source('v1.6.0', '39259a8f35919a0d02c9ecc2871ddd6ccf6a7c6e', '10ae7c6f7825'),
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 1,
  rules: [
    allow(`
      _llseek _newselect accept accept4 access adjtimex alarm bind brk capget capset chdir chmod chown chown32
      clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
      clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1
      epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit
      exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchown
      fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64
      fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_time64 futex_waitv futimesat get_robust_list
      get_thread_area getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups
      getgroups32 getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32
      getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32
      getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents
      io_pgetevents io_pgetevents_time64 io_setup io_submit io_uring_enter io_uring_register io_uring_setup ioctl
      ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32
      lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise membarrier
      memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect
      mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink
      mremap msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause
      pidfd_open pidfd_send_signal pipe pipe2 poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64
      process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv
      recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall
      rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
      rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity
      sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
      sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
      semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list set_thread_area
      set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setitimer setpgid
      setpriority setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid
      setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask
      sigreturn socket socketcall socketpair splice stat stat64 statfs statfs64 statx symlink symlinkat sync
      sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
      timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
      timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat
      utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev
    `),
    ...usualPersonalities,
    allow('modify_ldt', { arch: ['386'] }),
    allow('clone', { notArch: ['s390x'], noneOfCaps: ['CAP_SYS_ADMIN'] }, createsNoNamespace(0)),
    refuse(enosys, 'clone3', { noneOfCaps: ['CAP_SYS_ADMIN'] }),
    allow('open_by_handle_at', { allCaps: ['CAP_DAC_READ_SEARCH'] }),
    allow('delete_module finit_module init_module', { allCaps: ['CAP_SYS_MODULE'] }),
    allow('ioperm iopl', { allCaps: ['CAP_SYS_RAWIO'] }),
    allow('chroot', { allCaps: ['CAP_SYS_CHROOT'] }),
    allow('kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace', {
      allCaps: ['CAP_SYS_PTRACE'],
    }),
    allow('acct', { allCaps: ['CAP_SYS_PACCT'] }),
    allow(
      `
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
        name_to_handle_at open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog
        umount umount2 unshare
      `,
      { allCaps: ['CAP_SYS_ADMIN'] },
    ),
    allow('reboot', { allCaps: ['CAP_SYS_BOOT'] }),
    allow('clock_settime settimeofday stime', { allCaps: ['CAP_SYS_TIME'] }),
    allow('vhangup', { allCaps: ['CAP_SYS_TTY_CONFIG'] }),
    allow('syslog', { allCaps: ['CAP_SYSLOG'] }),
    allow('arch_prctl modify_ldt', { arch: ['amd64'] }),
    allow('arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2', {
      arch: ['arm', 'arm64'],
    }),
    allow('swapcontext sync_file_range2', { arch: ['ppc64le'] }),
    allow('s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr', { arch: ['s390x'] }),
    allow('clone', { arch: ['s390x'], noneOfCaps: ['CAP_SYS_ADMIN'] }, createsNoNamespace(1)),
  ],
};

const v1_6_7 = revise(v1_6_0, {
  versions: [['1.6.7', '1.6.8']],
  source: source('v1.6.7', '0197261a30bf81f1ee8e6a4dd2dea0ef95d67ccb', '714a8ae0b3f3'),
  add: [
    allow('clock_settime64', { allCaps: ['CAP_SYS_TIME'] }),
    allow('ptrace', { minKernel: '4.8' }),
    allow('riscv_flush_icache', { arch: ['riscv64'] }),
  ],
});

const v1_6_9 = revise(v1_6_7, {
  versions: [['1.6.9', '1.6.15']],
  source: source('v1.6.9', '1c90a442489720eec95342e1789ee8a5e1b9536f', '3144899a5ee9'),
  add: [allow('perf_event_open', { allCaps: ['CAP_PERFMON'] }), allow('bpf', { allCaps: ['CAP_BPF'] })],
});

const v1_6_16 = revise(v1_6_9, {
  versions: [['1.6.16', '1.6.21']],
  source: source('v1.6.16', '31aa4358a36870b21a992d3ad2bef29e1d693bec', '9940bf700dc7'),
  add: [
    allow('pkey_alloc pkey_free pkey_mprotect'),
    allow('get_mempolicy mbind set_mempolicy', { allCaps: ['CAP_SYS_NICE'] }),
  ],
});

const v1_6_22 = revise(v1_6_16, {
  versions: [['1.6.22', '1.6.27']],
  source: source('v1.6.22', '8165feabfdfe38c65b599c4993d227328c231fca', '363bebd21d29'),
  remove: [allow('name_to_handle_at', { allCaps: ['CAP_SYS_ADMIN'] })],
  add: [allow('name_to_handle_at')],
});

const since6_6 = [
  allow('cachestat fchmodat2 futex_requeue futex_wait futex_wake map_shadow_stack'),
  allow('set_mempolicy_home_node', { allCaps: ['CAP_SYS_NICE'] }),
];

const v1_6_28 = revise(v1_6_22, {
  versions: [['1.6.28', '1.6.39']],
  source: source('v1.6.28', 'ae07eda36dd25f8a1b98dfbf587313b99c0190bb', '320a68fbf336'),
  add: since6_6,
});

const v1_7_0 = revise(v1_6_16, {
  versions: [['1.7.0', '1.7.2']],
  source: source('v1.7.0', '1fbd70374134b891f97ce19c70b6e50c7b9f4e0d', '4cda6d9fdaf5'),
  remove: [allow('socket')],
  add: [...exceptVsock, allow('process_vm_readv process_vm_writev', { minKernel: '4.8' })],
});

const v1_7_3 = revise(v1_7_0, {
  versions: [['1.7.3', '1.7.12']],
  source: source('v1.7.3', '7880925980b188f4c97b462f709d0db8e8962aff', '7df50c34aaa3'),
  remove: [allow('name_to_handle_at', { allCaps: ['CAP_SYS_ADMIN'] })],
  add: [allow('name_to_handle_at')],
});

const v1_7_13 = revise(v1_7_3, {
  versions: [['1.7.13', '1.7.31']],
  source: source('v1.7.13', '7c3aca7a610df76212171d200ca3811ff6096eb8', '3794ef09b7cf'),
  add: since6_6,
});

const v1_7_32 = revise(v1_7_13, {
  versions: [['1.7.32', '1.7.34']],
  source: source('v1.7.32', '180a7b7385ae633344ff3db0db7eea11a4164f00', '534faa6ee7a8'),
  remove: exceptVsock,
  add: exceptVsockAndAlg,
});

const v2_0_0 = revise(v1_7_13, {
  versions: [['2.0.0', '2.0.8']],
  source: source('v2.0.0', '207ad711eabd375a01713109a8a197d197ff6542', '55d673fcb517'),
  remove: [allow('io_uring_enter io_uring_register io_uring_setup')],
});

const v2_0_9 = revise(v2_0_0, {
  versions: [['2.0.9', '2.0.11']],
  source: source('v2.0.9', 'afde7ca73951a79a9fa145d6a579dcd7b15d6371', '84833169d35d'),
  remove: exceptVsock,
  add: exceptVsockAndAlg,
});

/**
 * The rules of 2.0.0: what is new is that an empty list of architectures became the one of loong64.
 */
export const v2_1_0 = revise(v2_0_0, {
  versions: [['2.1.0', '2.1.9']],
  source: source('v2.1.0', '061792f0ecf3684fb30a3a0eb006799b8c6638a7', 'a51ba8dcbb98'),
});

const v2_2_0 = revise(v2_1_0, {
  versions: [
    ['2.2.0', '2.2.3'],
    ['2.3.0', '2.3.0'],
  ],
  source: source('v2.2.0', '1c4457e00facac03ce1d75f7b6777a7a851e5c41', 'b75eea0b1fdd'),
  add: [
    allow(`
      getxattrat listmount listxattrat lsm_get_self_attr lsm_list_modules lsm_set_self_attr mseal removexattrat
      setxattrat statmount uretprobe
    `),
    allow('riscv_hwprobe', { arch: ['riscv64'] }),
  ],
});

const v2_2_4 = revise(v2_2_0, {
  versions: [
    ['2.2.4', '2.2.7'],
    ['2.3.1', '2.3.4'],
  ],
  source: source('v2.2.4', '193637f7ee8ae5f5aa5248f49e7baa3e6164966e', 'd48983dd6c07'),
  remove: exceptVsock,
  add: exceptVsockAndAlg,
});

/** The default profiles of containerd, oldest first. */
export const containerd: readonly RuntimeDefaultTable[] = [
  ...[v1_6_0, v1_6_7, v1_6_9, v1_6_16, v1_6_22, v1_6_28],
  ...[v1_7_0, v1_7_3, v1_7_13, v1_7_32],
  ...[v2_0_0, v2_0_9, v2_1_0, v2_2_0, v2_2_4],
];
