import type { SeccompAction, SeccompOperator } from '../model.ts';

/**
 * Actions of runtime-spec linux.seccomp, strictest first. SCMP_ACT_KILL is the old name of
 * SCMP_ACT_KILL_THREAD.
 */
export const actions: readonly SeccompAction[] = [
  'SCMP_ACT_KILL_PROCESS',
  'SCMP_ACT_KILL_THREAD',
  'SCMP_ACT_KILL',
  'SCMP_ACT_TRAP',
  'SCMP_ACT_ERRNO',
  'SCMP_ACT_NOTIFY',
  'SCMP_ACT_TRACE',
  'SCMP_ACT_LOG',
  'SCMP_ACT_ALLOW',
];

/** Comparison operators of runtime-spec linux.seccomp. */
export const operators: readonly SeccompOperator[] = [
  'SCMP_CMP_NE',
  'SCMP_CMP_LT',
  'SCMP_CMP_LE',
  'SCMP_CMP_EQ',
  'SCMP_CMP_GE',
  'SCMP_CMP_GT',
  'SCMP_CMP_MASKED_EQ',
];

/**
 * Architectures of runtime-spec linux.seccomp; the value tells whether libseccomp compares
 * arguments in 32 bits.
 */
export const architectures: ReadonlyMap<string, { readonly bits: 32 | 64 }> = new Map([
  ['SCMP_ARCH_X86', { bits: 32 }],
  ['SCMP_ARCH_X86_64', { bits: 64 }],
  ['SCMP_ARCH_X32', { bits: 32 }],
  ['SCMP_ARCH_ARM', { bits: 32 }],
  ['SCMP_ARCH_AARCH64', { bits: 64 }],
  ['SCMP_ARCH_LOONGARCH64', { bits: 64 }],
  ['SCMP_ARCH_M68K', { bits: 32 }],
  ['SCMP_ARCH_MIPS', { bits: 32 }],
  ['SCMP_ARCH_MIPS64', { bits: 64 }],
  ['SCMP_ARCH_MIPS64N32', { bits: 32 }],
  ['SCMP_ARCH_MIPSEL', { bits: 32 }],
  ['SCMP_ARCH_MIPSEL64', { bits: 64 }],
  ['SCMP_ARCH_MIPSEL64N32', { bits: 32 }],
  ['SCMP_ARCH_PARISC', { bits: 32 }],
  ['SCMP_ARCH_PARISC64', { bits: 64 }],
  ['SCMP_ARCH_PPC', { bits: 32 }],
  ['SCMP_ARCH_PPC64', { bits: 64 }],
  ['SCMP_ARCH_PPC64LE', { bits: 64 }],
  ['SCMP_ARCH_RISCV64', { bits: 64 }],
  ['SCMP_ARCH_S390', { bits: 32 }],
  ['SCMP_ARCH_S390X', { bits: 64 }],
  ['SCMP_ARCH_SH', { bits: 32 }],
  ['SCMP_ARCH_SHEB', { bits: 32 }],
]);

/** Filter flags of runtime-spec linux.seccomp. */
export const flags: readonly string[] = [
  'SECCOMP_FILTER_FLAG_TSYNC',
  'SECCOMP_FILTER_FLAG_LOG',
  'SECCOMP_FILTER_FLAG_SPEC_ALLOW',
  'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV',
];
