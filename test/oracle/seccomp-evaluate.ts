/**
 * What a runtime does with one system call under a seccomp profile: written from the runtime-spec
 * (config-linux.md#seccomp), seccomp(2) and libseccomp's manual pages, to check lib/profile
 * against. It shares no code with it, and is slow and plain on purpose.
 */

/** A profile as it stands in JSON, numbers as bigint if they are compared. */
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

/**
 * Returns how strict an action is; the call of an architecture that is not filtered never runs: 8.
 */
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

/**
 * A comparison under an empty mask is no condition; where alternatives are added one by one, that
 * one has no conditions.
 */
function isUnconditional(args: readonly Comparison[]): boolean {
  const isNone = (arg: Comparison) => arg.op === 'SCMP_CMP_MASKED_EQ' && arg.value === 0n;
  return namesOneTwice(args) ? args.some(isNone) : args.every(isNone);
}

/** Reports whether two comparisons are of one argument: then each is a rule of its own. */
function namesOneTwice(args: readonly Comparison[]): boolean {
  return new Set(args.map(({ index }) => index)).size < args.length;
}

function resultOf(action: string, errnoRet: number | undefined): string {
  const name = action === 'SCMP_ACT_KILL' ? 'SCMP_ACT_KILL_THREAD' : action;
  return name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE' ? `${name} ${(errnoRet ?? 1) % 65536}` : name;
}

const halfWidth = ['X86', 'X32', 'ARM', 'M68K', 'MIPS', 'MIPSEL', 'MIPS64N32', 'MIPSEL64N32', 'PARISC', 'PPC', 'S390']
  .concat(['SH', 'SHEB'])
  .map((name) => `SCMP_ARCH_${name}`);

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
 * Architectures on which socketcall(2) and ipc(2) stand for other calls, as libseccomp knows them.
 */
const multiplexing = ['X86', 'M68K', 'PPC', 'PPC64', 'PPC64LE', 'S390', 'S390X', 'SH', 'SHEB'];

/** The calls by the first argument that chooses them (linux/net.h, linux/ipc.h). */
const memberNumbers: Readonly<Record<string, Readonly<Record<string, bigint>>>> = {
  socketcall: {
    ...{ socket: 1n, bind: 2n, connect: 3n, listen: 4n, accept: 5n, getsockname: 6n, getpeername: 7n },
    ...{ socketpair: 8n, send: 9n, recv: 10n, sendto: 11n, recvfrom: 12n, shutdown: 13n, setsockopt: 14n },
    ...{ getsockopt: 15n, sendmsg: 16n, recvmsg: 17n, accept4: 18n, recvmmsg: 19n, sendmmsg: 20n },
  },
  ipc: {
    ...{ semop: 1n, semget: 2n, semctl: 3n, semtimedop: 4n, msgsnd: 11n, msgrcv: 12n, msgget: 13n, msgctl: 14n },
    ...{ shmat: 21n, shmdt: 22n, shmget: 23n, shmctl: 24n },
  },
};

/** Every call that a multiplexer stands for somewhere. */
export const multiplexedNames: readonly string[] = Object.values(memberNumbers).flatMap((table) => Object.keys(table));

/**
 * By which multiplexer, and which first argument, a call can be made on an architecture besides its
 * own number.
 */
export function multiplexerOf(architecture: string, member: string): { name: string; first: bigint } | undefined {
  if (!multiplexing.includes(architecture.replace('SCMP_ARCH_', ''))) return undefined;
  for (const [name, table] of Object.entries(memberNumbers)) {
    const first = table[member];
    if (first !== undefined) return { name, first };
  }
  return undefined;
}

/**
 * Returns the call that a multiplexer is asked for; undefined for other calls, architectures and
 * first arguments.
 */
export function memberOf({ architecture, syscall, args }: Call): string | undefined {
  if (!multiplexing.includes(architecture.replace('SCMP_ARCH_', ''))) return undefined;
  const table = Object.entries(memberNumbers[syscall] ?? {});
  const bits = halfWidth.includes(architecture) ? 32 : 64;
  return table.find(([, first]) => first === BigInt.asUintN(bits, args[0] ?? 0n))?.[0];
}

/**
 * Returns what may become of a call as the profile is written: one result, except if a multiplexer
 * stands for the call and the arguments of that lie in memory, which no filter sees. A condition on
 * one of them may hold or not.
 */
export function possibleResults(profile: OracleProfile, call: Call, native = 'SCMP_ARCH_X86_64'): readonly string[] {
  const member = memberOf(call);
  const decided = evaluate(profile, call, native);
  if (member === undefined || decided === 'bad architecture') return [decided];
  const byDefault = resultOf(profile.defaultAction, profile.defaultErrnoRet);
  const rulesFor = (name: string) =>
    (profile.syscalls ?? [])
      .filter(({ names }) => names.includes(name))
      .map(({ action, errnoRet, args = [] }) => ({ result: resultOf(action, errnoRet), args }))
      .filter(({ result }) => result !== byDefault);
  if (rulesFor(call.syscall).some(({ args }) => isUnconditional(args))) return [decided];
  const unconditional = rulesFor(member).find(({ args }) => isUnconditional(args));
  const sure = [decided, unconditional?.result].filter((result) => result !== undefined && result !== byDefault);
  const least = Math.max(-1, ...sure.map((result) => rank(result ?? byDefault)));
  const maybe = unconditional === undefined ? rulesFor(member).map(({ result }) => result) : [];
  const base = sure.find((result) => result !== undefined && rank(result) === least) ?? byDefault;
  return [...new Set([base, ...maybe.filter((result) => rank(result) >= least)])];
}
