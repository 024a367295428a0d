import { architectures as knownArchitectures } from '../tables/vocabulary.ts';

/**
 * The syscalls by the arguments (0 to 5, one digit each) of which the kernel takes 32 bits on
 * 64-bit architectures: those that its prototypes (SYSCALL_DEFINE) declare as int, unsigned int or
 * a type that is no wider (pid_t, uid_t, umode_t, clockid_t, key_serial_t, mqd_t). The tests
 * compare this with the prototypes of the running kernel.
 *
 * A few are declared unsigned long and cut to 32 bits if they are used: the flags of clone, the
 * file descriptors of readv, writev, preadv, pwritev and mmap, the process of ptrace, and the mode
 * of mbind. Every other long is left out, also if the kernel ignores bits that it does not know
 * (flags of mount, protection of mmap) or uses 32 bits for some values of another argument (prctl,
 * keyctl, ioctl).
 */
const byIndexes: Readonly<Record<string, readonly string[]>> = {
  '0': words(`
    _newselect accept alarm arch_prctl bdflush clock_adjtime clock_getres clock_gettime clock_settime clone
    close dup epoll_create epoll_create1 eventfd exit exit_group fchdir fdatasync fgetxattr flistxattr
    fremovexattr fstat fstatfs fsync ftruncate futimesat get_robust_list getgroups getitimer getpeername
    getpgid getrlimit getrusage getsid getsockname inotify_init1 io_setup io_uring_setup iopl keyctl
    memfd_secret migrate_pages mlockall modify_ldt mq_getsetattr mq_notify mq_timedreceive nice openat2
    personality pkey_free prctl pread64 preadv process_vm_readv process_vm_writev pselect6 pwrite64 pwritev
    read readahead readv rt_sigaction rt_sigprocmask s390_guarded_storage sched_get_priority_max
    sched_get_priority_min sched_getparam sched_getscheduler sched_rr_get_interval sched_setparam select
    set_mempolicy setfsgid setfsuid setgid setgroups setitimer setrlimit setuid sigaction signal signalfd
    sigprocmask socketcall spu_run ssetmask syncfs sysfs timer_create timer_delete timer_getoverrun
    timer_gettime timerfd_gettime umask userfaultfd ustat write writev
  `),
  '01': words(`
    clock_nanosleep dup2 eventfd2 fallocate fanotify_init fchmod fcntl flock getpriority inotify_rm_watch
    ioctl ioprio_get ipc kexec_file_load kill landlock_restrict_self listen msgctl msgget pidfd_open
    prlimit64 process_mrelease rt_sigqueueinfo s390_runtime_instr sched_getaffinity sched_setaffinity
    sched_setscheduler seccomp sendfile setns setpgid setregid setreuid shmctl shutdown sync_file_range2
    timer_settime timerfd_create timerfd_settime tkill
  `),
  '012': words(`
    close_range dup3 epoll_ctl fchown fsmount getsockopt ioprio_set kcmp membarrier pidfd_getfd quotactl_fd
    reboot rt_tgsigqueueinfo semctl semget setpriority setresgid setresuid socket socketpair tgkill
  `),
  '0123': words('io_uring_enter'),
  '0124': words('setsockopt'),
  '013': words(`
    fanotify_mark io_uring_register landlock_add_rule pidfd_send_signal tee waitid
  `),
  '014': words('fsconfig'),
  '02': words(`
    bind bpf connect epoll_pwait2 faccessat fchmodat finit_module fspick getdents getdents64 getxattrat
    inotify_add_watch listxattrat lseek mkdirat mount_setattr open_by_handle_at open_tree open_tree_attr
    quotactl readdir recvmsg removexattrat renameat sched_setattr semop semtimedop sendmsg setxattrat shmat
    shmget syslog unlinkat wait4 waitpid
  `),
  '023': words(`
    epoll_pwait epoll_wait faccessat2 fchmodat2 lsm_set_self_attr mknodat openat recvmmsg sched_getattr
    sendmmsg statx
  `),
  '0234': words('fchownat'),
  '024': words('linkat move_mount renameat2'),
  '025': words('copy_file_range splice'),
  '03': words(`
    accept4 cachestat fadvise64 lsm_get_self_attr mq_timedsend msgsnd newfstatat readlinkat recv recvfrom
    send signalfd4 sync_file_range utimensat vmsplice
  `),
  '034': words('process_madvise'),
  '035': words('sendto'),
  '04': words(`
    _llseek execveat file_getattr file_setattr fsetxattr msgrcv name_to_handle_at
  `),
  '05': words('move_pages preadv2 pwritev2'),
  '1': words(`
    access chmod creat delete_module fsopen memfd_create mkdir pipe2 ppoll ptrace setdomainname sethostname
    swapon symlinkat umount2
  `),
  '12': words('cachectl chown lchown mknod mq_open open poll'),
  '123': words('futex_requeue perf_event_open rseq spu_create'),
  '124': words('futex_waitv'),
  '125': words('futex'),
  '2': words(`
    cacheflush getrandom ioperm landlock_create_ruleset lsm_list_modules madvise map_shadow_stack mlock2
    msync readlink
  `),
  '23': words('futex_wake'),
  '25': words('mbind'),
  '3': words('listmount pkey_mprotect request_key statmount'),
  '35': words('futex_wait'),
  '4': words('add_key lsetxattr mmap riscv_hwprobe setxattr'),
};

const indexes: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries(byIndexes).flatMap(([digits, names]) => {
    const list = [...digits].map(Number);
    return names.map((name) => [name, list] as const);
  }),
);

/** Architectures on which the stack comes before the flags of clone. */
const stackFirst: ReadonlySet<string> = new Set(['SCMP_ARCH_S390X']);
const none: readonly number[] = [];

/**
 * Returns the arguments of a syscall of which the kernel takes 32 bits although a filter compares
 * 64, in ascending order. If architectures differ, the arguments of any of them. None on 32-bit
 * ones, since filters compare 32 bits there.
 *
 * @param architectures SCMP_ARCH_*, the native one included.
 */
export function intArguments(syscall: string, architectures: readonly string[]): readonly number[] {
  const wide = architectures.filter((name) => knownArchitectures.get(name)?.bits !== 32);
  if (wide.length === 0) return none;
  if (syscall !== 'clone') return indexes.get(syscall) ?? none;
  return [...new Set(wide.map((name) => (stackFirst.has(name) ? 1 : 0)))].sort();
}

/** Returns the names of all syscalls with such arguments. */
export function syscallsWithIntArguments(): Iterable<string> {
  return indexes.keys();
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
