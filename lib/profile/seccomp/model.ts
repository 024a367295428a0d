/**
 * The runtime-spec `linux.seccomp` object (runtime-spec 1.2, config-linux.md#seccomp), as a value.
 * Argument values are unsigned 64-bit: they are bigint, so that nothing above 2^53 is rounded.
 */
export type SeccompAction =
  | 'SCMP_ACT_KILL_PROCESS'
  | 'SCMP_ACT_KILL_THREAD'
  | 'SCMP_ACT_KILL'
  | 'SCMP_ACT_TRAP'
  | 'SCMP_ACT_ERRNO'
  | 'SCMP_ACT_NOTIFY'
  | 'SCMP_ACT_TRACE'
  | 'SCMP_ACT_LOG'
  | 'SCMP_ACT_ALLOW';

/** How an argument of a syscall is compared: the `op` of runtime-spec. */
export type SeccompOperator =
  | 'SCMP_CMP_NE'
  | 'SCMP_CMP_LT'
  | 'SCMP_CMP_LE'
  | 'SCMP_CMP_EQ'
  | 'SCMP_CMP_GE'
  | 'SCMP_CMP_GT'
  | 'SCMP_CMP_MASKED_EQ';

/** A condition on one argument of a syscall: an entry of `args` of runtime-spec. */
export interface SeccompArg {
  /** Which of the six arguments, 0 to 5. */
  readonly index: number;
  readonly value: bigint;
  /** Counts for SCMP_CMP_MASKED_EQ only: the argument masked by `value` must equal `valueTwo`. */
  readonly valueTwo?: bigint;
  readonly op: SeccompOperator;
}

/** What happens to some syscalls: an entry of `syscalls` of runtime-spec. */
export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: SeccompAction;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArg[];
}

/** A seccomp profile: the `linux.seccomp` of runtime-spec. */
export interface SeccompProfile {
  readonly defaultAction: SeccompAction;
  readonly defaultErrnoRet?: number;
  /** SCMP_ARCH_*; absent or empty means the native one. */
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SeccompRule[];
}
