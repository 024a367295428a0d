import * as v from 'valibot';

const actions = ['KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'ALLOW', 'LOG', 'NOTIFY'] as const;

/** What the kernel does at a system call. */
export const seccompActionSchema = v.picklist(actions.map((name) => `SCMP_ACT_${name}` as const));

/** What the kernel does at a system call. */
export type SeccompAction = v.InferOutput<typeof seccompActionSchema>;

/** A processor architecture, or that of the node. */
export const seccompArchitectureSchema = v.picklist(
  (
    [
      ...(['NATIVE', 'X86', 'X86_64', 'X32', 'ARM', 'AARCH64', 'MIPS', 'MIPS64', 'MIPS64N32'] as const),
      ...(['MIPSEL', 'MIPSEL64', 'MIPSEL64N32', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X'] as const),
      ...(['PARISC', 'PARISC64', 'RISCV64'] as const),
    ] as const
  ).map((name) => `SCMP_ARCH_${name}` as const),
);

/** A flag of the system call seccomp(2). */
export const seccompFlagSchema = v.picklist(
  (['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV'] as const).map((name) => `SECCOMP_FILTER_FLAG_${name}` as const),
);

/** How an argument of a system call is compared. */
export const seccompOperatorSchema = v.picklist(
  (['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'] as const).map((name) => `SCMP_CMP_${name}` as const),
);
