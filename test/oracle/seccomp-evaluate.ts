/**
 * What a runtime does with one system call under a seccomp profile: written from the runtime-spec
 * (config-linux.md#seccomp), seccomp(2) and libseccomp's manual pages, to check lib/profile against. It shares no
 * code with it, and is slow and plain on purpose.
 */

/** A profile as it stands in JSON, numbers as bigint where they are compared. */
export interface OracleProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly syscalls?: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly {
      readonly index: number;
      readonly value: bigint;
      readonly valueTwo?: bigint;
      readonly op: string;
    }[];
  }[];
}

/** One system call: six arguments, unsigned 64-bit. */
export interface Call {
  readonly architecture: string;
  readonly syscall: string;
  readonly args: readonly bigint[];
}

/** From laxest to strictest, as KEP-6061 orders them. */
const order = ['ALLOW', 'LOG', 'TRACE', 'NOTIFY', 'ERRNO', 'TRAP', 'KILL_THREAD', 'KILL_PROCESS'];

/** How strict an action is; the call of an architecture that is not filtered never runs: 8. */
export function rank(result: string): number {
  if (result === 'bad architecture') return 8;
  const name = (result.split(' ')[0] ?? '').replace('SCMP_ACT_', '');
  return order.indexOf(name === 'KILL' ? 'KILL_THREAD' : name);
}

/** `SCMP_ACT_ERRNO 1`, `SCMP_ACT_ALLOW`, or `bad architecture`. */
export function evaluate(profile: OracleProfile, call: Call, native = 'SCMP_ARCH_X86_64'): string {
  const listed = profile.architectures ?? [];
  if (call.architecture !== native && !listed.includes(call.architecture)) return 'bad architecture';
  const byDefault = resultOf(profile.defaultAction, profile.defaultErrnoRet);
  const matching: string[] = [];
  for (const entry of profile.syscalls ?? []) {
    if (!entry.names.includes(call.syscall)) continue;
    const result = resultOf(entry.action, entry.errnoRet);
    if (result === byDefault) continue;
    const args = entry.args ?? [];
    if (isUnconditional(args)) return firstUnconditional(profile, call.syscall, byDefault);
    const holds = args.map((arg) => compare(arg, call));
    if (namesOneTwice(args) ? holds.includes(true) : !holds.includes(false)) matching.push(result);
  }
  // An unconditional entry may follow conditional ones and decides all the same; see above.
  matching.sort((a, b) => rank(b) - rank(a));
  return matching[0] ?? byDefault;
}

function firstUnconditional(profile: OracleProfile, syscall: string, byDefault: string): string {
  for (const entry of profile.syscalls ?? []) {
    const result = resultOf(entry.action, entry.errnoRet);
    if (!entry.names.includes(syscall) || result === byDefault) continue;
    if (isUnconditional(entry.args ?? [])) return result;
  }
  return byDefault;
}

type Comparison = { readonly index: number; readonly value: bigint; readonly op: string };

/** A comparison under an empty mask is none; where alternatives are added one by one, that one has no conditions. */
function isUnconditional(args: readonly Comparison[]): boolean {
  const isNone = (arg: Comparison) => arg.op === 'SCMP_CMP_MASKED_EQ' && arg.value === 0n;
  return namesOneTwice(args) ? args.some(isNone) : args.every(isNone);
}

/** Whether two comparisons are of one argument: then each is a rule of its own. */
function namesOneTwice(args: readonly Comparison[]): boolean {
  return new Set(args.map(({ index }) => index)).size < args.length;
}

function resultOf(action: string, errnoRet: number | undefined): string {
  const name = action === 'SCMP_ACT_KILL' ? 'SCMP_ACT_KILL_THREAD' : action;
  return name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE' ? `${name} ${(errnoRet ?? 1) % 65536}` : name;
}

const halfWidth = ['SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_ARM'];

function compare(
  arg: { readonly index: number; readonly value: bigint; readonly valueTwo?: bigint; readonly op: string },
  call: Call,
): boolean {
  // libseccomp compares 32 bits of both sides on 32-bit architectures.
  const bits = halfWidth.includes(call.architecture) ? 32 : 64;
  const actual = BigInt.asUintN(bits, call.args[arg.index] ?? 0n);
  const value = BigInt.asUintN(bits, arg.value);
  switch (arg.op) {
    case 'SCMP_CMP_NE':
      return actual !== value;
    case 'SCMP_CMP_LT':
      return actual < value;
    case 'SCMP_CMP_LE':
      return actual <= value;
    case 'SCMP_CMP_EQ':
      return actual === value;
    case 'SCMP_CMP_GE':
      return actual >= value;
    case 'SCMP_CMP_GT':
      return actual > value;
    case 'SCMP_CMP_MASKED_EQ':
      return ((actual ^ (arg.valueTwo ?? 0n)) & value) === 0n;
    default:
      throw new Error(`unknown operator ${arg.op}`);
  }
}

/**
 * What may become of one of the calls that socketcall(2) or ipc(2) stands for, made through that on x86. libseccomp
 * turns each rule for a member into one for the multiplexer with the first argument set to the member's number, so
 * that conditions on the first argument are lost; an unconditional rule for the multiplexer itself decides alone.
 */
export function evaluateThrough(profile: OracleProfile, multiplexer: string, member: string): readonly string[] {
  const byDefault = resultOf(profile.defaultAction, profile.defaultErrnoRet);
  const rulesFor = (name: string) =>
    (profile.syscalls ?? []).filter(
      ({ names, action, errnoRet }) => names.includes(name) && resultOf(action, errnoRet) !== byDefault,
    );
  const isFree = (arg: { readonly op: string; readonly value: bigint }) =>
    arg.op === 'SCMP_CMP_MASKED_EQ' && arg.value === 0n;
  const own = rulesFor(multiplexer).find(({ args = [] }) => isUnconditional(args));
  if (own !== undefined) return [resultOf(own.action, own.errnoRet)];
  const alone = rulesFor(member).find(({ args = [] }) => isUnconditional(args));
  const members = alone === undefined ? rulesFor(member) : [alone];
  const all = [...rulesFor(multiplexer), ...members];
  const sure = members.some(({ args = [] }) => args.every((arg) => arg.index === 0 || isFree(arg)));
  return [...all.map(({ action, errnoRet }) => resultOf(action, errnoRet)), ...(sure ? [] : [byDefault])];
}
