import type { EncodedRule, Encoding } from './encode.ts';
import type { SeccompArg } from './model.ts';
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

/**
 * About how many instructions libseccomp 2.5 makes of a syscall's rules, jumps that go far included. Conditions with
 * which rules begin alike are compared once.
 */
function sizeOf(rules: readonly EncodedRule[], bits: readonly (32 | 64)[]): number {
  const beginnings = new Set<string>();
  const compared: SeccompArg[] = [];
  for (const { args } of rules) {
    let beginning = '';
    for (const arg of args) {
      beginning += `${arg.index} ${arg.op} ${arg.value} ${arg.valueTwo} `;
      if (beginnings.size < beginnings.add(beginning).size) compared.push(arg);
    }
  }
  let size = 0;
  for (const width of bits) {
    size += 1.25 * rules.length;
    for (const arg of compared) size += sizeOfCondition(arg, width);
  }
  return size;
}

/** Each half of an argument is loaded, masked if need be, and compared; the upper one only if the mask has bits of it. */
function sizeOfCondition({ op, value }: SeccompArg, width: 32 | 64): number {
  const isMasked = op === 'SCMP_CMP_MASKED_EQ';
  const halves = isMasked && value <= 0xffff_ffffn ? 1 : width / 32;
  return (isMasked ? 3 : 2) * halves;
}
