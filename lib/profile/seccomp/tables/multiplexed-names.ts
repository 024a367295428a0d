import { knownSyscallId } from './syscall-ids.ts';

/** Architectures on which libseccomp knows multiplexers. */
const multiplexing: ReadonlySet<string> = new Set(
  ['X86', 'S390', 'S390X', 'PPC', 'PPC64', 'PPC64LE', 'MIPS', 'MIPSEL', 'M68K', 'SH', 'SHEB'].map(
    (name) => `SCMP_ARCH_${name}`,
  ),
);

/** A multiplexer, or a syscall that is called through one. */
export interface Involved {
  readonly name: string;
  /** Its number in SyscallIds. */
  readonly id: number;
  /** Its number among all of these. */
  readonly slot: number;
}

/** A syscall through which others are called, and these. */
export interface Multiplexer extends Involved {
  readonly members: readonly Member[];
}

export interface Member extends Involved {
  /** Its number in the first argument of the multiplexer. */
  readonly call: bigint;
}

let slots = 0;

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
  return { ...numberedAlone(name), members };
}

function numbered(names: readonly string[], first = 1): readonly Member[] {
  return names.map((name, index) => ({ ...numberedAlone(name), call: BigInt(first + index) }));
}

function numberedAlone(name: string): Involved {
  slots += 1;
  return { name, id: knownSyscallId(name), slot: slots - 1 };
}

/** Every multiplexer and member. */
export const involved: readonly Involved[] = multiplexers.flatMap((one) => [one, ...one.members]);

const slotsById: readonly (number | undefined)[] = involved.reduce<number[]>((byId, { id, slot }) => {
  byId[id] = slot;
  return byId;
}, []);

/** Returns the slot of a syscall by its number in SyscallIds; undefined if it is none of them. */
export function slotOf(id: number): number | undefined {
  return slotsById[id];
}

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
