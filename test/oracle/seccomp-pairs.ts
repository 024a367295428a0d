import fc from 'fast-check';
import type { SeccompArg, SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { actions, operators } from '#lib/profile/seccomp/tables/vocabulary';
import { nativeArchitecture } from './load-profile.ts';
import { multiplexedNames } from './seccomp-evaluate.ts';

const max = 2n ** 64n - 1n;
const plain = { noNullPrototype: true } as const;

const names: readonly string[] = [
  ...['read', 'write', 'openat', 'clone', 'prctl', 'personality', 'socketcall', 'ipc'],
  ...['mmap', 'mmap2', 'stat64', '_llseek', 'fcntl', 'fcntl64', 'arm_fadvise64_64', 'futex_time64', 'sync_file_range2'],
  ...multiplexedNames,
];
/** What most of what goes wrong is about. */
const favourites = ['read', 'socket', 'setsockopt', 'connect', 'recvmmsg', 'socketcall', 'ipc', 'semop', 'semtimedop'];

const named = (...list: readonly string[]): readonly string[] => list.map((name) => `SCMP_ARCH_${name}`);
type ArchitectureList = readonly string[] | undefined;

/**
 * Those that a filter of a little endian machine can have; absent and empty mean the machine's own.
 */
const architectureLists: readonly ArchitectureList[] = [
  undefined,
  [],
  named('X86_64'),
  named('X86_64', 'X86'),
  named('X86', 'X86_64'),
  named('X86_64', 'X86', 'X32'),
  named('X86'),
  named('X32'),
  named('X86_64', 'X32'),
  named('AARCH64', 'ARM'),
  named('X86_64', 'ARM'),
  named('X86_64', 'X86', 'PPC64LE'),
  named('MIPSEL', 'MIPSEL64', 'MIPSEL64N32'),
  named('RISCV64'),
];

const value = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0n, 1n, 2n, 3n, 5n, 7n, 8n, 40n, 41n) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 32n,
      2n ** 32n + 5n,
      2n ** 33n,
      2n ** 63n,
      max - 1n,
      max,
    ),
  },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max }) },
);
const mask = fc.oneof(value, fc.constantFrom(0n, 3n, 0xffn, 0x7e02_0000n, 2n ** 32n, 0xffff_ffffn << 32n, max));

const arg: fc.Arbitrary<SeccompArg> = fc
  .record(
    {
      index: fc.constantFrom(0, 0, 0, 1, 1, 2, 3, 5),
      op: fc.constantFrom(...operators, 'SCMP_CMP_EQ' as const, 'SCMP_CMP_MASKED_EQ' as const),
      value,
      mask,
      isInMask: fc.boolean(),
    },
    plain,
  )
  .map(({ index, op, value: datum, mask: bits, isInMask }) =>
    op === 'SCMP_CMP_MASKED_EQ'
      ? { index, value: bits, valueTwo: isInMask ? datum & bits : datum, op }
      : { index, value: datum, op },
  );

const action = fc.constantFrom(
  ...actions,
  'SCMP_ACT_ALLOW' as const,
  'SCMP_ACT_ALLOW' as const,
  'SCMP_ACT_ERRNO' as const,
);
const errno = fc.constantFrom(undefined, undefined, 0, 1, 13, 38, 4095, 4096, 65_535);

function hasErrno(name: string): boolean {
  return name === 'SCMP_ACT_ERRNO' || name === 'SCMP_ACT_TRACE';
}

function rule(pool: readonly string[]): fc.Arbitrary<SeccompRule> {
  return fc
    .record(
      {
        names: fc.uniqueArray(fc.constantFrom(...pool), { minLength: 1, maxLength: 2 }),
        action,
        errnoRet: errno,
        args: fc.oneof(
          { weight: 1, arbitrary: fc.constant([]) },
          { weight: 3, arbitrary: fc.array(arg, { minLength: 1, maxLength: 4 }) },
        ),
      },
      plain,
    )
    .map(({ names: list, action: name, errnoRet, args }) => ({
      names: list,
      // A runtime needs `write` to hand the listener over, and refuses.
      action: name === 'SCMP_ACT_NOTIFY' && list.includes('write') ? 'SCMP_ACT_LOG' : name,
      ...(errnoRet === undefined || !hasErrno(name) ? {} : { errnoRet }),
      ...(args.length === 0 ? {} : { args }),
    }));
}

function assembled(
  defaultAction: SeccompProfile['defaultAction'],
  errnoRet: number | undefined,
  architectures: readonly string[] | undefined,
  syscalls: readonly SeccompRule[],
): SeccompProfile {
  return {
    defaultAction,
    ...(errnoRet === undefined || !hasErrno(defaultAction) ? {} : { defaultErrnoRet: errnoRet }),
    ...(architectures === undefined ? {} : { architectures }),
    syscalls,
  };
}

/**
 * Returns everything that a profile can say, about the given names, for one of the lists of
 * architectures.
 */
function wildProfile(pool: readonly string[], lists: readonly ArchitectureList[]): fc.Arbitrary<SeccompProfile> {
  const byDefault = action.filter((name) => name !== 'SCMP_ACT_NOTIFY');
  const rules = fc.array(rule(pool), { maxLength: 5 });
  return fc
    .tuple(byDefault, errno, fc.constantFrom(...lists), rules)
    .map(([defaultAction, errnoRet, architectures, syscalls]) =>
      assembled(defaultAction, errnoRet, architectures, syscalls),
    );
}

const when = (index: number, op: SeccompArg['op'], datum: bigint, valueTwo?: bigint): SeccompArg => ({
  index,
  value: datum,
  ...(valueTwo === undefined ? {} : { valueTwo }),
  op,
});
const [allow, deny] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO'] as const;

/** Entries as they are in the profiles that people write and that runtimes come with. */
const usualRules: readonly SeccompRule[] = [
  { names: ['read', 'write', 'openat', 'mmap', 'mmap2', 'fcntl', 'fcntl64', '_llseek', 'stat64'], action: allow },
  { names: ['socketcall', 'ipc'], action: allow },
  { names: ['socket', 'connect', 'bind', 'accept4', 'sendto', 'recvfrom', 'setsockopt'], action: allow },
  { names: ['semop', 'semget', 'semtimedop', 'shmat', 'shmget', 'msgctl'], action: allow },
  { names: ['socket'], action: allow, args: [when(0, 'SCMP_CMP_NE', 40n)] },
  { names: ['socket'], action: allow, args: [when(0, 'SCMP_CMP_EQ', 1n)] },
  { names: ['socket'], action: allow, args: [when(0, 'SCMP_CMP_EQ', 2n)] },
  { names: ['socket'], action: deny, errnoRet: 97, args: [when(0, 'SCMP_CMP_EQ', 40n)] },
  {
    names: ['socket'],
    action: deny,
    errnoRet: 22,
    args: [when(0, 'SCMP_CMP_EQ', 16n), when(2, 'SCMP_CMP_EQ', 9n)],
  },
  ...[0n, 8n, 0x20000n, 0x20008n, 0xffffffffn].map((persona) => ({
    names: ['personality'],
    action: allow,
    args: [when(0, 'SCMP_CMP_EQ', persona)],
  })),
  { names: ['clone'], action: allow, args: [when(0, 'SCMP_CMP_MASKED_EQ', 0x7e02_0000n, 0n)] },
  { names: ['clone'], action: allow },
  { names: ['clone'], action: deny, errnoRet: 38 },
  { names: ['setsockopt'], action: deny, errnoRet: 99, args: [when(1, 'SCMP_CMP_EQ', 41n)] },
  { names: ['setsockopt'], action: allow, args: [when(1, 'SCMP_CMP_EQ', 1n), when(2, 'SCMP_CMP_LE', 20n)] },
  { names: ['prctl'], action: allow, args: [when(0, 'SCMP_CMP_EQ', 15n)] },
  { names: ['prctl'], action: 'SCMP_ACT_KILL_PROCESS', args: [when(0, 'SCMP_CMP_EQ', 22n)] },
  { names: ['mmap', 'mprotect'], action: deny, args: [when(2, 'SCMP_CMP_MASKED_EQ', 4n, 4n)] },
  { names: ['personality', 'prctl', 'clone'], action: 'SCMP_ACT_LOG' },
];

/** Lists of what is permitted, or of what is not, with a few conditions. */
function usualProfile(lists: readonly ArchitectureList[]): fc.Arbitrary<SeccompProfile> {
  const byDefault = fc.constantFrom(
    ...[deny, deny, 'SCMP_ACT_KILL_PROCESS' as const, 'SCMP_ACT_KILL' as const],
    ...[allow, 'SCMP_ACT_LOG' as const],
  );
  const rules = fc.shuffledSubarray([...usualRules], { minLength: 1, maxLength: 9 });
  return fc
    .tuple(byDefault, fc.constantFrom(undefined, 1, 38), fc.constantFrom(...lists), rules)
    .map(([defaultAction, errnoRet, architectures, syscalls]) =>
      assembled(defaultAction, errnoRet, architectures, syscalls),
    );
}

type Pair = readonly [SeccompProfile, SeccompProfile];

function pairFor(
  pool: readonly string[],
  often: readonly string[],
  lists: readonly ArchitectureList[],
): fc.Arbitrary<Pair> {
  const few = fc.uniqueArray(fc.oneof(fc.constantFrom(...often), fc.constantFrom(...pool)), {
    minLength: 1,
    maxLength: 3,
  });
  const usual = usualProfile(lists.slice(0, 11));
  return fc.oneof(
    { weight: 3, arbitrary: few.chain((some) => fc.tuple(wildProfile(some, lists), wildProfile(some, lists))) },
    { weight: 1, arbitrary: fc.tuple(usual, usual) },
  );
}

/**
 * Pairs of profiles to be merged, that name the same few system calls: all that can be said, and
 * what people say.
 */
export const profilePair: fc.Arbitrary<Pair> = pairFor(names, favourites, architectureLists);

/** Machines of other architectures, and what profiles for them list. */
const machines: Readonly<Record<string, readonly ArchitectureList[]>> = {
  SCMP_ARCH_X86: [
    ...[undefined, [], named('X86'), named('X86_64', 'X86'), named('X32', 'X86_64')],
    ...[named('X32'), named('X86_64', 'X86', 'X32'), named('X86', 'X86_64')],
  ],
  SCMP_ARCH_AARCH64: [
    ...[undefined, named('AARCH64'), named('AARCH64', 'ARM'), named('ARM'), named('X86_64', 'X86', 'X32')],
    ...[named('AARCH64', 'ARM', 'X86_64', 'X86')],
  ],
  SCMP_ARCH_PPC64LE: [undefined, named('PPC64LE'), named('PPC64LE', 'X86')],
  SCMP_ARCH_RISCV64: [undefined, named('RISCV64'), named('RISCV64', 'X86')],
  SCMP_ARCH_S390X: [undefined, named('S390X'), named('S390X', 'S390'), named('S390X', 'PPC64', 'PPC')],
  SCMP_ARCH_MIPS64: [undefined, named('MIPS64'), named('MIPS64', 'MIPS', 'MIPS64N32')],
};
/** What not every architecture has, or no library. */
const rareNames: readonly string[] = [
  ...['cachestat', 'mseal', 'arch_prctl', 'set_tls', 's390_pci_mmio_read', 'uretprobe', 'recv', 'send', 'accept'],
  ...['memfd_create', 'renameat', 'recvmmsg_time64', 'semtimedop_time64', 'nfsservctl', 'getpmsg', 'nosuchcall'],
];

/** A pair of profiles, and the architecture of the machine that they are for. */
export interface MachinePair {
  readonly native: string;
  readonly pair: Pair;
}

/** Pairs as {@link profilePair} has them, and pairs for machines of other architectures. */
export const machinePair: fc.Arbitrary<MachinePair> = fc.oneof(
  { weight: 2, arbitrary: profilePair.map((pair) => ({ native: nativeArchitecture, pair })) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(...Object.entries(machines))
      .chain(([native, lists]) =>
        pairFor(names, [...favourites, ...rareNames], lists).map((pair) => ({ native, pair })),
      ),
  },
);
