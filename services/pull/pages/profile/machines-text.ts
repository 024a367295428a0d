import {
  architectureFamily,
  type MachineArchitecture,
  machineArchitectures,
} from '#lib/profile/seccomp/tables/architecture';
import { listed } from '../components/words.ts';

/** Architectures without machines of their own, as Go or the kernel names them. */
const guests: Readonly<Record<string, string>> = {
  SCMP_ARCH_X86: '386',
  SCMP_ARCH_X32: 'x32',
  SCMP_ARCH_ARM: 'arm',
  SCMP_ARCH_S390: 's390',
};

/**
 * Returns the machines that a profile is for, by the names of Go, each with the other architectures
 * whose programs it runs: `amd64 with 386 and x32, arm64 with arm`.
 *
 * @param architectures SCMP_ARCH_*, as the profile lists them; empty for that of the node.
 */
export function machinesText(architectures: readonly string[]): string {
  if (architectures.length === 0) return 'the node’s own';
  const hosts = machineArchitectures.filter((machine) => {
    const [native = '', ...others] = architectureFamily(machine);
    // 386 and arm are machines of their own only if no other machine of the list runs them.
    return architectures.includes(native) && !isGuestOf(native, architectures, others);
  });
  const known = new Set(hosts.flatMap(architectureFamily));
  const rest = architectures.filter((name) => !known.has(name)).map(shortName);
  return [...hosts.map((machine) => hostText(machine, architectures)), ...rest].join(', ');
}

function isGuestOf(name: string, architectures: readonly string[], others: readonly string[]): boolean {
  if (others.length > 0) return false;
  return machineArchitectures.some((machine) => {
    const [native = '', ...guestsOf] = architectureFamily(machine);
    return guestsOf.includes(name) && architectures.includes(native);
  });
}

function hostText(machine: MachineArchitecture, architectures: readonly string[]): string {
  const [, ...others] = architectureFamily(machine);
  const along = others.filter((name) => architectures.includes(name)).map(shortName);
  return along.length === 0 ? machine : `${machine} with ${listed(along)}`;
}

function shortName(architecture: string): string {
  return guests[architecture] ?? architecture.replace(/^SCMP_ARCH_/, '').toLowerCase();
}
