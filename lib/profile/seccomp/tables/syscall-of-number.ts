import { amd64Numbers, genericNumbers, i386Numbers } from './syscall-numbers.ts';

interface AuditArchitecture {
  readonly name: string;
  /** Absent if this project has no table of its numbers. */
  readonly numbers?: ReadonlyMap<number, string>;
}

/** The architectures by which the kernel's audit records name tables (AUDIT_ARCH_*), in hex. */
const auditArchitectures: ReadonlyMap<string, AuditArchitecture> = new Map([
  ['c000003e', { name: 'x86_64', numbers: amd64Numbers }],
  ['40000003', { name: 'x86', numbers: i386Numbers }],
  ['c00000b7', { name: 'aarch64', numbers: genericNumbers }],
  ['c00000f3', { name: 'riscv64', numbers: genericNumbers }],
  ['c0000102', { name: 'loongarch64', numbers: genericNumbers }],
  ['40000028', { name: 'arm' }],
  ['c0000015', { name: 'ppc64le' }],
  ['80000016', { name: 's390x' }],
]);

/**
 * Returns the name of a system call from its number and its architecture in an audit record, such
 * as 59 and `c000003e`. Returns the number and the architecture if the call has no name here.
 */
export function syscallOfNumber(number: number, architecture: string): string {
  const known = auditArchitectures.get(architecture);
  return known?.numbers?.get(number) ?? `${number} on ${known?.name ?? architecture}`;
}
