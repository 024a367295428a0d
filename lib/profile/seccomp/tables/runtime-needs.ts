/** The runtimes of which the calls are known: runc 1.1 and crun 1.8. */
export type NeedyRuntime = 'runc' | 'crun';

/**
 * A call that a runtime makes itself between loading the filter and the first instruction of the
 * container's program.
 */
export interface RuntimeNeed {
  readonly runtime: NeedyRuntime;
  /** The syscall. Of several, the runtime tries one after the other, and one is enough. */
  readonly names: readonly string[];
  /**
   * Made only if the container may gain privileges (no `noNewPrivileges`): the filter is loaded
   * earlier then, before the runtime drops capabilities and changes the user.
   */
  readonly whileGaining?: true;
  /** Made only for users other than root. */
  readonly forOthersThanRoot?: true;
  /**
   * The error numbers in spite of which the container starts; `every` if only the end of the
   * process keeps it from that.
   */
  readonly survives: readonly number[] | 'every';
  /** Values of one argument with which the call is made, each of them every time. */
  readonly argument?: { readonly index: number; readonly values: readonly bigint[] };
  /**
   * A container does start without it, but not always: whether it is called depends on how threads
   * are scheduled.
   */
  readonly sometimes?: true;
}

/** Success without effect, which some containers start in spite of. */
const pretended = [0];
const never: readonly number[] = [];
const [eperm, enosys] = [1, 38];
/** PR_SET_KEEPCAPS and PR_CAPBSET_DROP. */
const prctlOptions = { index: 0, values: [8n, 24n] };
/**
 * O_CLOEXEC with O_RDONLY for /proc/self/fd, and with O_WRONLY for the FIFO that signals the start.
 */
const openFlags = { index: 2, values: [0x8_0000n, 0x8_0001n] };
const setDescriptorFlags = { index: 1, values: [2n] };

function runc(name: string, survives: RuntimeNeed['survives'], more: Partial<RuntimeNeed> = {}): RuntimeNeed {
  return { runtime: 'runc', names: [name], survives, ...more };
}

function crun(name: string, survives: RuntimeNeed['survives'], more: Partial<RuntimeNeed> = {}): RuntimeNeed {
  return { runtime: 'crun', names: [name], survives, ...more };
}

const whileGaining = { whileGaining: true } as const;

/**
 * What no container starts without, found by taking calls away from runc 1.1 and crun 1.8 on amd64,
 * one by one, by every error number and by the end of the process. The test of the same name in
 * test/integration does it again.
 */
export const runtimeNeeds: readonly RuntimeNeed[] = [
  runc('close', never),
  runc('epoll_ctl', 'every'),
  runc('execve', never),
  runc('fstatfs', never),
  runc('futex', never, { sometimes: true }),
  runc('getdents64', pretended),
  runc('getpid', 'every'),
  runc('openat', never, { argument: openFlags }),
  runc('rt_sigreturn', never, { sometimes: true }),
  runc('write', never),
  runc('capget', pretended, whileGaining),
  runc('capset', pretended, whileGaining),
  runc('chdir', pretended, whileGaining),
  runc('faccessat2', [0, eperm, enosys], whileGaining),
  {
    runtime: 'runc',
    names: ['faccessat2', 'faccessat', 'getuid', 'geteuid', 'getgid', 'getegid'],
    survives: pretended,
    ...whileGaining,
  },
  runc('fchown', [0, eperm], { ...whileGaining, forOthersThanRoot: true }),
  runc('fcntl', 'every', { ...whileGaining, argument: setDescriptorFlags }),
  runc('fstat', pretended, whileGaining),
  runc('getcwd', never, whileGaining),
  runc('getppid', pretended, whileGaining),
  runc('newfstatat', never, whileGaining),
  runc('prctl', pretended, { ...whileGaining, argument: prctlOptions }),
  runc('read', pretended, whileGaining),
  runc('setgid', pretended, whileGaining),
  runc('setgroups', pretended, whileGaining),
  runc('setuid', pretended, whileGaining),
  crun('close', 'every'),
  crun('execve', never),
  crun('capset', pretended, whileGaining),
  crun('prctl', never, { ...whileGaining, argument: prctlOptions }),
  crun('pselect6', pretended, whileGaining),
  crun('read', never, whileGaining),
  crun('rt_sigaction', pretended, whileGaining),
  crun('rt_sigprocmask', pretended, whileGaining),
  crun('setresgid', pretended, whileGaining),
  crun('setresuid', pretended, whileGaining),
  crun('write', never, whileGaining),
];
