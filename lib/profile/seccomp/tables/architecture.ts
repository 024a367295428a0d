import { FairleadError } from '#lib/errors';

/** A machine's architecture, as Go, OCI and Kubernetes name it. */
export type MachineArchitecture = '386' | 'amd64' | 'arm' | 'arm64' | 'loong64' | 'ppc64le' | 'riscv64' | 's390x';

/**
 * For each machine its own seccomp architecture first, then those whose programs its kernel runs
 * too.
 */
const families: Readonly<Record<MachineArchitecture, readonly [string, ...string[]]>> = {
  '386': ['SCMP_ARCH_X86'],
  amd64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm: ['SCMP_ARCH_ARM'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  loong64: ['SCMP_ARCH_LOONGARCH64'],
  ppc64le: ['SCMP_ARCH_PPC64LE'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
};

/** Every machine architecture that is known. */
export const machineArchitectures = Object.keys(families) as readonly MachineArchitecture[];

const nodeNames: Readonly<Record<string, MachineArchitecture>> = { ia32: '386', x64: 'amd64', ppc64: 'ppc64le' };

/**
 * Returns the machine architecture of Node's `process.arch`, or of a name that is one already.
 *
 * @throws FairleadError InvalidInput for others.
 */
export function machineArchitecture(name: string): MachineArchitecture {
  const machine = nodeNames[name] ?? name;
  if (Object.hasOwn(families, machine)) return machine as MachineArchitecture;
  throw new FairleadError('InvalidInput', `unknown architecture ${JSON.stringify(name)}`, {
    hint: `Known architectures: ${machineArchitectures.join(', ')}.`,
  });
}

/** Returns the SCMP_ARCH_* under which a machine's own programs run. */
export function nativeArchitecture(machine: MachineArchitecture): string {
  return families[machine][0];
}

/** Returns the SCMP_ARCH_* of all programs that a machine runs, its own first. */
export function architectureFamily(machine: MachineArchitecture): readonly string[] {
  return families[machine];
}

/**
 * Returns the SCMP_ARCH_* whose programs run on the same machines as those of `architecture`,
 * without itself.
 */
export function companions(architecture: string): readonly string[] {
  const family = Object.values(families).find(([native]) => native === architecture);
  return family?.slice(1) ?? [];
}

/**
 * Returns the machines on which it matters that a profile lists an architecture: those that run its
 * programs beside their own. None for one that is only ever a machine's own, since runtimes filter
 * that always; undefined for unknown ones.
 */
export function machinesWithGuest(architecture: string): readonly MachineArchitecture[] | undefined {
  const known = machineArchitectures.filter((machine) => families[machine].includes(architecture));
  return known.length === 0 ? undefined : known.filter((machine) => families[machine][0] !== architecture);
}
