import { maxValue, word } from '../algebra/argument-set.ts';
import type { SeccompArg } from '../model.ts';
import type { SyscallIds } from '../tables/syscall-ids.ts';
import { architectures as knownArchitectures } from '../tables/vocabulary.ts';
import type { EncodedGroup } from './encoded-group.ts';
import type { EncodedRule, Encoding } from './encoding.ts';

/**
 * The kernel takes filters of 4096 instructions (BPF_MAXINSNS); runc puts some of its own before
 * libseccomp's.
 */
const maxInstructions = 4096 - 128;

/** For each rule, or each syscall without conditions. */
const jumps = 1.25;

/**
 * Returns what each comparison takes in addition to its own instructions. If rules have several
 * conditions, what follows one that holds lies behind what follows one that does not, often too far
 * for the jump of a comparison: in filters of some size libseccomp 2.5 and 2.6 were seen to add 0.5
 * where rules have two, and up to 1.4 if they have more. With one condition, the jump of the
 * comparison is counted for the rule.
 */
function farJumps({ length }: readonly SeccompArg[]): number {
  if (length > 2) return 1.5;
  return length === 2 ? 0.5 : -1;
}

const x32 = 'SCMP_ARCH_X32';

/**
 * Simplifies rules until the filter that libseccomp makes of them fits into the kernel: the
 * syscalls with the most conditions first. A filter that does not fit would keep the container from
 * starting.
 *
 * @param simplify returns a replacement for the rules of a group without conditions.
 * @returns replacements by name.
 */
export function fitIntoKernel<Group extends EncodedGroup>(
  groups: readonly Group[],
  ids: SyscallIds,
  architectures: readonly string[],
  simplify: (group: Group) => Encoding,
): ReadonlyMap<string, Encoding> {
  const replacements = new Map<string, Encoding>();
  let most = 0;
  for (const { syscalls, encoding } of groups) most += syscalls.length * mostOf(encoding.rules, architectures);
  if (most <= maxInstructions) return replacements;
  const sized = groups.map((group) => ({ group, size: sizeOf(group.encoding.rules, architectures) }));
  let total = sized.reduce((sum, { group, size }) => sum + group.syscalls.length * size, 0);
  if (total <= maxInstructions) return replacements;
  const largestFirst = sized
    .flatMap(({ group, size }) => group.syscalls.map((id) => ({ id, group, size })))
    .sort((a, b) => b.size - a.size || ids.compare(a.id, b.id));
  for (const { id, group, size } of largestFirst) {
    if (total <= maxInstructions) break;
    const simple = simplify(group);
    total += sizeOf(simple.rules, architectures) - size;
    replacements.set(ids.nameOf(id), simple);
  }
  return replacements;
}

/** Returns what sizeOf is at most, found at once. */
function mostOf(rules: readonly EncodedRule[], architectures: readonly string[]): number {
  let size = 0;
  for (const { args } of rules) {
    size += jumps;
    for (const arg of args) size += looksAtLowHalf(arg) ? 5 : 10;
  }
  return isShared(rules, architectures) ? size * (architectures.length - 1) + jumps : size * architectures.length;
}

/**
 * Returns about how many instructions libseccomp 2.5 makes of a syscall's rules, jumps that go far
 * included. Comparisons with which rules begin alike are made once. x32 shares the code of x86_64
 * where that compares low halves only.
 */
function sizeOf(rules: readonly EncodedRule[], architectures: readonly string[]): number {
  // Nearly all syscalls have no conditions.
  if (rules.every(({ args }) => args.length === 0)) return jumps * rules.length * architectures.length;
  const shared = isShared(rules, architectures);
  let size = 0;
  for (const name of architectures) {
    const bits = knownArchitectures.get(name)?.bits ?? 64;
    size += shared && name === x32 ? jumps : jumps * rules.length + sizeOfComparisons(rules, bits);
  }
  return size;
}

function isShared(rules: readonly EncodedRule[], architectures: readonly string[]): boolean {
  const hasBoth = architectures.includes('SCMP_ARCH_X86_64') && architectures.includes(x32);
  return hasBoth && rules.length > 0 && rules.every(({ args }) => args.every(looksAtLowHalf));
}

function looksAtLowHalf({ op, value }: SeccompArg): boolean {
  return op === 'SCMP_CMP_MASKED_EQ' && value <= word;
}

function sizeOfComparisons(rules: readonly EncodedRule[], width: 32 | 64): number {
  return sizeOfSingles(rules, width) ?? sizeOfBeginnings(rules, width);
}

/**
 * Returns the same for different rules of one EQ or MASKED_EQ condition each, on numbers of up to
 * 32 bits; undefined for others. Most syscalls with conditions have such rules. An argument is
 * loaded, and its upper half compared, once; and once more for each mask, since that is lost by
 * masking.
 */
function sizeOfSingles(rules: readonly EncodedRule[], width: 32 | 64): number | undefined {
  let loaded = 0;
  let size = 0;
  let before: SeccompArg | undefined;
  for (const { args } of rules) {
    const [arg] = args;
    if (arg === undefined || args.length > 1 || arg.value > word) return undefined;
    const isMasked = arg.op === 'SCMP_CMP_MASKED_EQ';
    if (!isMasked && arg.op !== 'SCMP_CMP_EQ') return undefined;
    const bit = 1 << arg.index;
    if ((loaded & bit) === 0) size += isMasked || width === 32 ? 3 : 4;
    loaded |= bit;
    if (isMasked && arg.value !== word && (arg.index !== before?.index || arg.value !== before.value)) size += 2;
    before = arg;
  }
  return size;
}

function sizeOfBeginnings(rules: readonly EncodedRule[], width: 32 | 64): number {
  const beginnings = new Set<string>();
  const loaded = new Set<string>();
  let size = 0;
  for (const { args } of rules) {
    let beginning = '';
    for (const { part, rest, cost, isMasked } of args.flatMap((arg) => comparisonsOf(arg, width))) {
      const load = beginning + part;
      beginning = load + rest;
      if (beginnings.size === beginnings.add(beginning).size) continue;
      // What follows the same beginning is compared in turn, and is loaded again only after it was
      // masked.
      const isLoaded = !isMasked && loaded.size === loaded.add(load).size;
      size += (isLoaded ? cost - 1 : cost) + farJumps(args);
    }
  }
  return size;
}

/**
 * What a filter compares for a condition: 32 bits each, loaded, masked if need be, and compared.
 */
interface Comparison {
  /** Which 32 bits. */
  readonly part: string;
  /** With what. */
  readonly rest: string;
  readonly isMasked: boolean;
  /** In instructions. */
  readonly cost: number;
}

function comparisonsOf({ index, op, value, valueTwo = 0n }: SeccompArg, width: 32 | 64): readonly Comparison[] {
  const isMasked = op === 'SCMP_CMP_MASKED_EQ';
  if (!isMasked && op !== 'SCMP_CMP_EQ') {
    return [{ part: `${index}`, rest: ` ${op} ${value};`, isMasked: true, cost: width / 16 }];
  }
  const [mask, datum] = isMasked ? [value, valueTwo & value] : [maxValue, value];
  const halves = width === 64 ? [mask >> 32n, mask & word] : [mask & word];
  return halves.flatMap((bits, at) => {
    const isUpper = at < halves.length - 1;
    // libseccomp leaves out an upper half that is masked away, but not a lower half.
    if (bits === 0n && isUpper) return [];
    const rest = ` ${bits} ${isUpper ? datum >> 32n : datum & word};`;
    return [{ part: `${index}${isUpper ? '+' : ''}`, rest, isMasked: bits !== word, cost: bits === word ? 2 : 3 }];
  });
}
