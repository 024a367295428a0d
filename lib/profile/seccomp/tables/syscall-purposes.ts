/** What system calls are for, in the order in which pages and reports list it. */
export const purposes = [
  'Files and directories',
  'Network',
  'Processes and threads',
  'Memory',
  'Signals',
  'Waiting and events',
  'Time',
  'Users and capabilities',
  'Between processes',
  'Privileged',
  '32-bit and older forms',
] as const;
export type Purpose = (typeof purposes)[number];

/**
 * Every system call of the tables, by purpose. The last one has the calls that only 32-bit or
 * single architectures have, and those that newer calls replace or kernels no longer implement.
 */
const callsOf: Readonly<Record<Purpose, string>> = {
  'Files and directories': `
    access cachestat chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr file_getattr
    file_setattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents
    getdents64 getxattr getxattrat ioctl lchown lgetxattr link linkat listxattr listxattrat llistxattr lremovexattr
    lseek lsetxattr lstat mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64 preadv
    preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat rename
    renameat renameat2 rmdir sendfile setxattr setxattrat splice stat statfs statx symlink symlinkat sync
    sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice write writev`,
  Network: `
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmsg sendmmsg sendmsg
    sendto setsockopt shutdown socket socketpair`,
  'Processes and threads': `
    arch_prctl clone clone3 execve execveat exit exit_group fork get_robust_list getcpu getpgid getpgrp getpid getppid
    getpriority getrandom getrlimit getrusage getsid gettid ioprio_get ioprio_set personality pidfd_open prctl
    prlimit64 rseq sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
    sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield seccomp set_robust_list set_tid_address setpgid setpriority setrlimit setsid sysinfo uname vfork wait4
    waitid`,
  Memory: `
    brk get_mempolicy madvise map_shadow_stack mbind membarrier memfd_create memfd_secret migrate_pages mincore mlock
    mlock2 mlockall mmap move_pages mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
    pkey_mprotect process_madvise process_mrelease set_mempolicy set_mempolicy_home_node userfaultfd`,
  Signals: `
    kill pause pidfd_send_signal restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sigaltstack signalfd signalfd4 tgkill tkill`,
  'Waiting and events': `
    epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 futex futex_requeue
    futex_wait futex_waitv futex_wake inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents io_setup io_submit io_uring_enter io_uring_register io_uring_setup poll ppoll
    pselect6 select`,
  Time: `
    adjtimex alarm clock_adjtime clock_getres clock_gettime clock_nanosleep clock_settime getitimer gettimeofday
    nanosleep setitimer settimeofday time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
    timerfd_create timerfd_gettime timerfd_settime times`,
  'Users and capabilities': `
    add_key capget capset getegid geteuid getgid getgroups getresgid getresuid getuid keyctl landlock_add_rule
    landlock_create_ruleset landlock_restrict_self lsm_get_self_attr lsm_list_modules lsm_set_self_attr request_key
    setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid`,
  'Between processes': `
    kcmp mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd
    pidfd_getfd pipe pipe2 process_vm_readv process_vm_writev ptrace semctl semget semop semtimedop shmat shmctl shmdt
    shmget`,
  Privileged: `
    acct bpf chroot delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen fspick init_module
    ioperm iopl kexec_file_load kexec_load listmount listns lookup_dcookie mount mount_setattr move_mount
    open_by_handle_at open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd reboot setdomainname
    sethostname setns statmount swapoff swapon syslog umount2 unshare vhangup`,
  '32-bit and older forms': `
    _llseek _newselect _sysctl afs_syscall arm_fadvise64_64 arm_sync_file_range bdflush break breakpoint cachectl
    cacheflush chown32 clock_adjtime64 clock_getres_time64 clock_gettime64 clock_nanosleep_time64 clock_settime64
    create_module epoll_ctl_old epoll_wait_old fadvise64_64 fchown32 fcntl64 fstat64 fstatat64 fstatfs64 ftime
    ftruncate64 futex_time64 get_kernel_syms get_thread_area get_tls getegid32 geteuid32 getgid32 getgroups32 getpmsg
    getresgid32 getresuid32 getuid32 gtty idle io_pgetevents_time64 ipc lchown32 lock lstat64 mmap2 modify_ldt
    mpx mq_timedreceive_time64 mq_timedsend_time64 multiplexer nfsservctl nice oldfstat oldlstat oldolduname oldstat
    olduname pciconfig_iobase pciconfig_read pciconfig_write ppoll_time64 prof profil pselect6_time64 putpmsg
    query_module readdir recv recvmmsg_time64 remap_file_pages riscv_flush_icache riscv_hwprobe rt_sigtimedwait_time64
    rtas s390_guarded_storage s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr s390_sthyi
    sched_rr_get_interval_time64 security semtimedop_time64 send sendfile64 set_thread_area set_tls setfsgid32
    setfsuid32 setgid32 setgroups32 setregid32 setresgid32 setresuid32 setreuid32 setuid32 sgetmask sigaction signal
    sigpending sigprocmask sigreturn sigsuspend socketcall spu_create spu_run ssetmask stat64 statfs64 stime stty
    subpage_prot swapcontext switch_endian sync_file_range2 sys_debug_setcontext syscall sysfs sysmips
    timer_gettime64 timer_settime64 timerfd timerfd_gettime64 timerfd_settime64 truncate64 tuxcall ugetrlimit ulimit
    umount uretprobe uselib usr26 usr32 ustat utimensat_time64 vm86 vm86old vserver waitpid`,
};

const purposesByCall: ReadonlyMap<string, Purpose> = new Map(
  purposes.flatMap((purpose) => callsFor(purpose).map((name) => [name, purpose] as const)),
);

/** Returns the system calls that are for a purpose. */
export function callsFor(purpose: Purpose): readonly string[] {
  return callsOf[purpose].trim().split(/\s+/);
}

/** Returns what a system call is for; undefined for a name that no architecture has. */
export function purposeOf(syscall: string): Purpose | undefined {
  return purposesByCall.get(syscall);
}
