import { knownSyscallId } from './syscall-ids.ts';

/** Architectures on which libseccomp knows multiplexers. */
const multiplexing: ReadonlySet<string> = new Set(
  ['X86', 'S390', 'S390X', 'PPC', 'PPC64', 'PPC64LE', 'MIPS', 'MIPSEL', 'M68K', 'SH', 'SHEB'].map(
    (name) => `SCMP_ARCH_${name}`,
  ),
);

/** A syscall through which others are called, and these. */
export interface Multiplexer {
  readonly name: string;
  /** Its number in SyscallIds. */
  readonly id: number;
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  /** Its number in SyscallIds. */
  readonly id: number;
  /** Its number in the first argument of the multiplexer. */
  readonly call: bigint;
}

/** socketcall(2) and ipc(2). */
export const multiplexers: readonly Multiplexer[] = [
  multiplexer(
    'socketcall',
    numbered([
      ...['socket', 'bind', 'connect', 'listen', 'accept', 'getsockname', 'getpeername', 'socketpair', 'send', 'recv'],
      ...['sendto', 'recvfrom', 'shutdown', 'setsockopt', 'getsockopt', 'sendmsg', 'recvmsg', 'accept4', 'recvmmsg'],
      ...['sendmmsg'],
    ]),
  ),
  multiplexer('ipc', [
    ...numbered(['semop', 'semget', 'semctl', 'semtimedop']),
    ...numbered(['msgsnd', 'msgrcv', 'msgget', 'msgctl'], 11),
    ...numbered(['shmat', 'shmdt', 'shmget', 'shmctl'], 21),
  ]),
];

function multiplexer(name: string, members: readonly Member[]): Multiplexer {
  return { name, id: knownSyscallId(name), members };
}

function numbered(names: readonly string[], first = 1): readonly Member[] {
  return names.map((name, index) => ({ name, id: knownSyscallId(name), call: BigInt(first + index) }));
}

/** Every multiplexer and member by its number. */
export const involved: ReadonlyMap<number, string> = new Map(
  multiplexers.flatMap((one) => [one, ...one.members]).map(({ id, name }) => [id, name]),
);

/**
 * Reports whether an architecture has socketcall and ipc, to which libseccomp adds the rules of
 * their members.
 */
export function isMultiplexing(architecture: string): boolean {
  return multiplexing.has(architecture);
}

const multiplexed: ReadonlySet<string> = new Set(
  multiplexers.flatMap(({ members }) => members.map(({ name }) => name)),
);

/** Reports whether the syscall can be called through a multiplexer. */
export function isMultiplexed(name: string): boolean {
  return multiplexed.has(name);
}

/**
 * Returns the syscalls whose rules libseccomp adds to a multiplexer too; none for other syscalls.
 */
export function membersOf(name: string): readonly string[] {
  return multiplexers.filter((one) => one.name === name).flatMap(({ members }) => members.map((member) => member.name));
}
