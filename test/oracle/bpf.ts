/** A filter as the kernel is given it: instructions of classic BPF (`struct sock_filter`). */
export interface Filter {
  readonly codes: Uint16Array;
  readonly whenTrue: Uint8Array;
  readonly whenFalse: Uint8Array;
  readonly operands: Uint32Array;
}

/** In which order a machine keeps the bytes of a number. */
export type ByteOrder = 'LE' | 'BE';

/**
 * Reads the instructions of a filter from their bytes.
 *
 * @param order that of the machine for which the filter is.
 * @throws Error where the length is not that of whole instructions.
 */
export function readFilter(bytes: Buffer, order: ByteOrder = 'LE'): Filter {
  const length = bytes.length / 8;
  if (!Number.isInteger(length) || length === 0) throw new Error(`not a filter: ${bytes.length} bytes`);
  const filter = {
    codes: new Uint16Array(length),
    whenTrue: new Uint8Array(length),
    whenFalse: new Uint8Array(length),
    operands: new Uint32Array(length),
  };
  for (let at = 0; at < length; at += 1) {
    filter.codes[at] = order === 'LE' ? bytes.readUInt16LE(8 * at) : bytes.readUInt16BE(8 * at);
    filter.whenTrue[at] = bytes.readUInt8(8 * at + 2);
    filter.whenFalse[at] = bytes.readUInt8(8 * at + 3);
    filter.operands[at] = order === 'LE' ? bytes.readUInt32LE(8 * at + 4) : bytes.readUInt32BE(8 * at + 4);
    if (order === 'BE' && filter.codes[at] === ends) filter.operands[at] = actionIn(bytes.subarray(8 * at + 4));
  }
  return filter;
}

/** BPF_RET | BPF_K */
const ends = 0x06;

/**
 * Returns the value that a filter ends with: libseccomp leaves some of them in the byte order of
 * the machine that it runs on.
 */
function actionIn(bytes: Buffer): number {
  const value = bytes.readUInt32BE();
  const isWhole = value <= 0xffff ? value === 0 : knownActions.has((value & 0xffff_0000) >>> 0);
  return isWhole ? value : bytes.readUInt32LE();
}

/**
 * What a filter is run on, `struct seccomp_data` in words of 32 bits: number, architecture,
 * address, six arguments.
 */
export type SeccompData = Uint32Array;

/**
 * Returns the data of one call; arguments are unsigned 64-bit, the half first that comes first in
 * the machine's byte order.
 */
export function seccompData(
  token: number,
  number: number,
  args: readonly bigint[],
  order: ByteOrder = 'LE',
): SeccompData {
  const [low, high] = order === 'LE' ? [0, 1] : [1, 0];
  const data = new Uint32Array(16);
  data[0] = number;
  data[1] = token;
  for (let index = 0; index < 6; index += 1) {
    const value = args[index] ?? 0n;
    data[4 + 2 * index + low] = Number(value & 0xffff_ffffn);
    data[4 + 2 * index + high] = Number(value >> 32n);
  }
  return data;
}

/**
 * Runs a filter as the kernel does (Documentation/networking/filter.rst; kernel/seccomp.c,
 * seccomp_check_filter, says which instructions there may be) and returns the value that it ends
 * with.
 *
 * @throws Error for an instruction that libseccomp does not write, or an end that is missing.
 */
export function runFilter({ codes, whenTrue, whenFalse, operands }: Filter, data: SeccompData): number {
  let accumulator = 0;
  for (let at = 0; at < codes.length; at += 1) {
    const operand = operands[at] ?? 0;
    const choose = (isTrue: boolean): void => {
      at += (isTrue ? whenTrue[at] : whenFalse[at]) ?? 0;
    };
    switch (codes[at]) {
      case 0x20: // BPF_LD | BPF_W | BPF_ABS
        if (operand % 4 !== 0 || operand >= 64) throw new Error(`a word is loaded from offset ${operand}`);
        accumulator = data[operand / 4] ?? 0;
        break;
      case 0x54: // BPF_ALU | BPF_AND | BPF_K
        accumulator = (accumulator & operand) >>> 0;
        break;
      case 0x05: // BPF_JMP | BPF_JA
        at += operand;
        break;
      case 0x15: // BPF_JMP | BPF_JEQ | BPF_K
        choose(accumulator === operand);
        break;
      case 0x25: // BPF_JMP | BPF_JGT | BPF_K
        choose(accumulator > operand);
        break;
      case 0x35: // BPF_JMP | BPF_JGE | BPF_K
        choose(accumulator >= operand);
        break;
      case 0x45: // BPF_JMP | BPF_JSET | BPF_K
        choose((accumulator & operand) !== 0);
        break;
      case ends:
        return operand;
      default:
        throw new Error(`unknown instruction ${codes[at]} at ${at}`);
    }
  }
  throw new Error('the filter has no end');
}

/**
 * Returns the action that a filter's value stands for (linux/seccomp.h), as `SCMP_ACT_ERRNO 1` or
 * `SCMP_ACT_ALLOW`.
 *
 * @throws Error for a value that is none of these.
 */
export function actionOf(value: number): string {
  const name = knownActions.get((value & 0xffff_0000) >>> 0);
  if (name === undefined) throw new Error(`unknown action 0x${value.toString(16)}`);
  return name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE' ? `${name} ${value & 0xffff}` : name;
}

const knownActions: ReadonlyMap<number, string> = new Map([
  [0x8000_0000, 'SCMP_ACT_KILL_PROCESS'],
  [0x0000_0000, 'SCMP_ACT_KILL_THREAD'],
  [0x0003_0000, 'SCMP_ACT_TRAP'],
  [0x0005_0000, 'SCMP_ACT_ERRNO'],
  [0x7fc0_0000, 'SCMP_ACT_NOTIFY'],
  [0x7ff0_0000, 'SCMP_ACT_TRACE'],
  [0x7ffc_0000, 'SCMP_ACT_LOG'],
  [0x7fff_0000, 'SCMP_ACT_ALLOW'],
]);
