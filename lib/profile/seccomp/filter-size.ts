import type { EncodedRule, Encoding } from './encode.ts';
import { architectures as knownArchitectures } from './vocabulary.ts';

/** The kernel takes filters of 4096 instructions (BPF_MAXINSNS); runc puts some of its own before libseccomp's. */
const maxInstructions = 4096 - 128;

/**
 * Makes rules simple until the filter that libseccomp makes of them fits into the kernel: the syscalls with the most
 * conditions first. A filter that does not fit would keep the container from starting.
 *
 * @param encodings by syscall; changed in place.
 * @param simplify what stands for a syscall's rules without conditions.
 */
export function fitIntoKernel(
  encodings: Map<string, Encoding>,
  architectures: readonly string[],
  simplify: (syscall: string) => Encoding,
): void {
  const bits = architectures.map((name) => knownArchitectures.get(name)?.bits ?? 64);
  const sizes = [...encodings].map(([name, { rules }]) => ({ name, size: sizeOf(rules, bits) }));
  let total = sizes.reduce((sum, { size }) => sum + size, 0);
  if (total <= maxInstructions) return;
  for (const { name, size } of sizes.sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1))) {
    if (total <= maxInstructions) return;
    const simple = simplify(name);
    total += sizeOf(simple.rules, bits) - size;
    encodings.set(name, simple);
  }
}

/** About how many instructions libseccomp 2.5 makes of a syscall's rules, jumps that go far included. */
function sizeOf(rules: readonly EncodedRule[], bits: readonly (32 | 64)[]): number {
  let size = 0;
  for (const width of bits) {
    for (const { args } of rules) {
      size += 1.25;
      // Each half of an argument is loaded, masked if need be, and compared.
      for (const { op } of args) size += (op === 'SCMP_CMP_MASKED_EQ' ? 3 : 2) * (width / 32);
    }
  }
  return size;
}
