import fc from 'fast-check';
import type { SeccompArg, SeccompProfile, SeccompRule } from '#lib/profile/seccomp/model';
import { actions, operators } from '#lib/profile/seccomp/tables/vocabulary';
import type { Call } from './seccomp-evaluate.ts';

const max = 2n ** 64n - 1n;
const small = [0n, 1n, 2n, 3n, 5n, 7n, 8n, 40n];
const big = [2n ** 31n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 5n, 2n ** 33n, 2n ** 63n, max - 1n, max];

const plain = { noNullPrototype: true } as const;

/** How a generated profile may look. */
export interface Shape {
  readonly names: readonly string[];
  readonly architectures: readonly (readonly string[])[];
  /** Values above 2^32 too. */
  readonly wide: boolean;
  readonly rules: number;
}

/** Profiles that name few syscalls often, so that entries meet. */
export function arbitraryProfile(shape: Shape): fc.Arbitrary<SeccompProfile> {
  const value = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...small) },
    ...(shape.wide ? [{ weight: 2, arbitrary: fc.constantFrom(...big) }] : []),
    { weight: 1, arbitrary: shape.wide ? fc.bigInt({ min: 0n, max }) : fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }) },
  );
  const arg: fc.Arbitrary<SeccompArg> = fc.record(
    {
      index: fc.constantFrom(0, 0, 0, 1, 1, 2, 5),
      value,
      valueTwo: value,
      op: fc.constantFrom(...operators),
    },
    plain,
  );
  const action = fc.constantFrom(...actions, 'SCMP_ACT_ALLOW' as const, 'SCMP_ACT_ERRNO' as const);
  const errno = fc.option(fc.constantFrom(1, 13, 38), { nil: undefined });
  const rule: fc.Arbitrary<SeccompRule> = fc
    .record(
      {
        names: fc.uniqueArray(fc.constantFrom(...shape.names), { minLength: 1, maxLength: 2 }),
        action,
        errnoRet: errno,
        args: fc.oneof(
          { weight: 1, arbitrary: fc.constant([]) },
          { weight: 3, arbitrary: fc.array(arg, { minLength: 1, maxLength: 3 }) },
        ),
      },
      plain,
    )
    .map(({ errnoRet, ...rest }) => (errnoRet === undefined ? rest : { ...rest, errnoRet }));
  return fc
    .record(
      {
        defaultAction: action.filter((name) => name !== 'SCMP_ACT_NOTIFY'),
        defaultErrnoRet: errno,
        architectures: fc.constantFrom(...shape.architectures),
        syscalls: fc.array(rule, { maxLength: shape.rules }),
      },
      plain,
    )
    .map(({ defaultErrnoRet, ...rest }) => (defaultErrnoRet === undefined ? rest : { ...rest, defaultErrnoRet }));
}

/**
 * Returns calls at the corners of every comparison of the profiles: each value, one below, one
 * above, and the extremes.
 */
export function cornerCalls(
  profiles: readonly SeccompProfile[],
  names: readonly string[],
  architectures: readonly string[],
  count: number,
  random: () => number,
): readonly Call[] {
  const corners = new Set<bigint>([0n, 1n, 2n ** 32n, 2n ** 63n, max]);
  for (const profile of profiles) {
    for (const rule of profile.syscalls ?? []) {
      for (const { value, valueTwo = 0n } of rule.args ?? []) {
        for (const corner of [value, valueTwo, value & valueTwo, max ^ value, valueTwo | (max ^ value)]) {
          for (const near of [corner - 1n, corner, corner + 1n]) corners.add(BigInt.asUintN(64, near));
        }
      }
    }
  }
  const values = [...corners];
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  return Array.from({ length: count }, () => ({
    architecture: pick(architectures),
    syscall: pick(names),
    args: Array.from({ length: 6 }, () => pick(values)),
  }));
}
