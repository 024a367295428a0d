import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Shape } from '#test/oracle/seccomp-arbitrary';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import type { Call } from '#test/oracle/seccomp-evaluate';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';
import { validateArtifact } from '../../validate-artifact.ts';
import { diffSeccomp } from '../diff.ts';
import { intersect } from '../intersect.ts';
import { intArguments, syscallsWithIntArguments } from '../libseccomp/int-arguments.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { runtimeDefault } from '../runtime-default.ts';
import { loadTables } from '../tables/runtime-defaults/load-tables.ts';
import type { RuntimeDefaultTable } from '../tables/runtime-defaults/table.ts';
import { runtimeNames } from '../tables/runtime-identity.ts';
import { unionSeccomp } from '../union.ts';
import { minimize } from './minimize.ts';
import { narrowComparisons } from './narrow-comparisons.ts';

const native = 'SCMP_ARCH_X86_64';
const both = [native, 'SCMP_ARCH_X86'];
const upper = 2n ** 32n;
/**
 * The arguments of which the kernel takes 32 bits: socket(int, int, int), clone(flags, pointers),
 * mount(pointers).
 */
const ints: Readonly<Record<string, readonly number[]>> = { socket: [0, 1, 2], clone: [0], mount: [] };
const names = Object.keys(ints);
const shapes: readonly Shape[] = [
  { names, architectures: [[native], []], wide: true, rules: 5 },
  { names, architectures: [both], wide: false, rules: 5 },
  { names, architectures: [both], wide: true, rules: 5 },
  { names: ['socket'], architectures: [[native]], wide: false, rules: 3 },
];

/**
 * A call, and what the kernel may make of it: with the upper bits of some of its int arguments left
 * out, and of all.
 */
function asSeen(call: Call): readonly Call[] {
  const calls = [call];
  for (const index of ints[call.syscall] ?? []) {
    const low = BigInt.asUintN(32, call.args[index] ?? 0n);
    calls.push(...calls.map((each) => ({ ...each, args: each.args.with(index, low) })));
  }
  return calls;
}

function withUpperBits(call: Call, random: () => number): Call {
  const bits = [0n, 0n, upper, 2n ** 63n, 2n ** 64n - upper];
  return {
    ...call,
    args: call.args.map((value) => BigInt.asUintN(32, value) | (bits[Math.floor(random() * bits.length)] ?? 0n)),
  };
}

const equal = (index: number, value: bigint): SeccompArg => ({ index, op: 'SCMP_CMP_EQ', value });
const except = (index: number, value: bigint): SeccompArg => ({ index, op: 'SCMP_CMP_NE', value });
const allow = (name: string, ...args: readonly SeccompArg[]): SeccompRule => ({
  names: [name],
  action: 'SCMP_ACT_ALLOW',
  args,
});
const denying = (...syscalls: readonly SeccompRule[]): SeccompProfile => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: both,
  syscalls,
});

function forProfiles(
  count: number,
  runs: number,
  check: (profiles: readonly SeccompProfile[], calls: readonly Call[]) => void,
): void {
  for (const shape of shapes) {
    const profiles = fc.array(arbitraryProfile(shape), { minLength: count, maxLength: count });
    const property = fc.property(profiles, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (given, seed) => {
      const random = randomFrom(seed);
      const corners = cornerCalls(given, shape.names, both, 60, random);
      check(given, [...corners, ...corners.map((call) => withUpperBits(call, random))]);
    });
    fc.assert(property, { numRuns: runs });
  }
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647 || 1;
    return state / 2_147_483_647;
  };
}

/** What a runtime applies to a container without capabilities. */
const defaultOf = (table: RuntimeDefaultTable) =>
  runtimeDefault([table], { architecture: 'amd64', kernel: '6.1', capabilities: [] });
const socket = (profile: SeccompProfile, family: bigint, protocol: bigint) =>
  evaluate(profile, { architecture: native, syscall: 'socket', args: [family, 1n, protocol] });

const show = (value: unknown) => JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}` : part));
const strictest = (results: readonly string[]) => Math.max(...results.map(rank));
/** How strict a profile is to be with a call. */
const wanted = (profile: SeccompProfile, call: Call) =>
  strictest((call.architecture === native ? asSeen(call) : [call]).map((seen) => evaluate(profile, seen)));

describe('narrowComparisons', () => {
  it('is as strict as with what the kernel takes of each argument, and else changes nothing', () => {
    forProfiles(1, 150, ([given], calls) => {
      assert.ok(given);
      const { profile, narrowed } = narrowComparisons(given, native);
      const exact = new Map(narrowed.map((syscall) => [syscall.name, syscall.exact]));
      for (const call of calls) {
        const before = evaluate(given, call);
        const after = evaluate(profile, call);
        if (!exact.has(call.syscall)) assert.equal(after, before, `changed at ${show(call)}`);
        assert.ok(rank(after) >= wanted(given, call), `looser at ${show(call)}: ${after}`);
        if (exact.get(call.syscall) === false) continue;
        assert.equal(rank(after), wanted(given, call), `not exact at ${show(call)}`);
        if (call.args.every((value) => value < upper)) assert.equal(after, before, `other below 2^32: ${show(call)}`);
      }
    });
  });

  it('keeps the error number of the first of two entries that are equally strict', () => {
    const given: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: [native],
      syscalls: [
        {
          names: ['clone'],
          action: 'SCMP_ACT_ERRNO',
          args: [
            { index: 2, value: 1n, op: 'SCMP_CMP_NE' },
            { index: 0, value: 0n, op: 'SCMP_CMP_LE' },
          ],
        },
        {
          names: ['clone'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 13,
          args: [{ index: 0, value: 7n, op: 'SCMP_CMP_NE' }],
        },
      ],
    };
    const { profile, narrowed } = narrowComparisons(given, native);
    assert.deepEqual(narrowed, [{ name: 'clone', exact: true }]);
    const call: Call = { architecture: native, syscall: 'clone', args: [0n, 0n, 0n, 0n, 0n, 0n] };
    assert.equal(evaluate(given, call), 'SCMP_ACT_ERRNO 1');
    assert.equal(evaluate(profile, call), 'SCMP_ACT_ERRNO 1');
  });

  it('leaves alone what is equally strict for all arguments', () => {
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        {
          names: ['clone'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 38,
          args: [{ index: 0, value: 0n, op: 'SCMP_CMP_NE' }],
        },
      ],
    };
    assert.deepEqual(narrowComparisons(profile, native), { profile, narrowed: [] });
  });

  it('has nothing left to do for its own result, also minimized, and diff says that nothing became laxer', () => {
    forProfiles(1, 100, ([given]) => {
      assert.ok(given);
      const { profile, narrowed } = narrowComparisons(given, native);
      const inexact = narrowed.filter(({ exact }) => !exact).map(({ name }) => name);
      for (const result of [profile, minimize(profile, native)]) {
        // What took many rules the first time may be too much to look through, which is said by
        // exact too.
        const again = narrowComparisons(result, native).narrowed.filter(({ exact }) => exact);
        assert.deepEqual(
          again.filter(({ name }) => !inexact.includes(name)),
          [],
          show(result),
        );
      }
      const changes = diffSeccomp(given, profile, native).changes.filter(({ subject }) => !inexact.includes(subject));
      assert.deepEqual(
        changes.filter(
          ({ direction, where = '' }) => direction === 'loosened' && !/too many|libseccomp|overlap/.test(where),
        ),
        [],
      );
    });
  });

  for (const name of runtimeNames) {
    it(`closes what every release of ${name} leaves open, in rules that can be published`, async () => {
      for (const table of await loadTables(name)) {
        const given = defaultOf(table);
        const { profile, narrowed } = narrowComparisons(given, native);
        // Before 1.7 containerd permits every family.
        const isOpen = !table.source.includes('v1.6.');
        assert.deepEqual(narrowed, isOpen ? [{ name: 'socket', exact: true }] : [], table.source);
        for (const family of [0n, 1n, 2n, 15n, 16n, 17n, 37n, 38n, 39n, 40n, 41n, 2n ** 31n, upper - 1n]) {
          for (const protocol of [0n, 8n, 9n, 10n, upper - 1n]) {
            const before = socket(given, family, protocol);
            for (const bits of [0n, upper, 2n ** 63n, 2n ** 64n - upper]) {
              const after = socket(profile, family | bits, protocol | bits);
              assert.equal(after, before, `${table.source}: ${family} ${protocol}`);
            }
          }
        }
        for (const same of [profile, minimize(profile, native)]) {
          assert.deepEqual(narrowComparisons(same, native), { profile: same, narrowed: [] }, table.source);
        }
        validateArtifact({ kind: 'Seccomp', seccomp: profile }, { entriesPerSyscall: 128 });
      }
    });

    it(`keeps what every release of ${name} permits under artifacts of several kinds`, async () => {
      for (const table of await loadTables(name)) {
        const baseline = narrowComparisons(defaultOf(table), native).profile;
        const { architectures = [], syscalls = [] } = baseline;
        const permitted = {
          names: [...new Set(syscalls.flatMap((rule) => rule.names))],
          action: 'SCMP_ACT_ALLOW',
        } as const;
        for (const defaultAction of ['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS'] as const) {
          const artifact: SeccompProfile = { defaultAction, architectures, syscalls: [permitted] };
          const found = intersect([baseline, artifact], native);
          const { profile } = found;
          const results = intersectedSyscalls(found);
          assert.ok(results.find((each) => each.name === 'socket')?.result.exact, `${table.source} ${defaultAction}`);
          for (const family of [1n, 2n, 16n, 38n, 40n, upper + 2n, upper + 38n, upper + 40n]) {
            assert.equal(socket(profile, family, 0n), socket(baseline, family, 0n), `${table.source} ${family}`);
          }
        }
      }
    });
  }

  it('only tightens, as diff sees it', async () => {
    const [table] = (await loadTables('docker')).slice(0, 1);
    assert.ok(table);
    const given = defaultOf(table);
    const { changes, rewritten } = diffSeccomp(given, narrowComparisons(given, native).profile, native);
    assert.deepEqual(
      [...new Set(changes.map(({ subject, direction }) => `${subject} ${direction}`))],
      ['socket tightened'],
    );
    assert.deepEqual(rewritten, []);
  });

  it('leaves alone what only permits single values, or compares masked already', () => {
    const closed = denying(
      allow('personality', equal(0, 0x2_0008n)),
      allow('socket', equal(0, 2n), equal(2, 0n)),
      allow('socket', equal(0, 10n)),
      allow('ioctl', { index: 1, op: 'SCMP_CMP_LT', value: 0x5412n }),
      // The third argument of mount is a pointer, its fourth and the second of prctl are unsigned
      // long.
      allow('prctl', equal(0, 15n), { index: 1, op: 'SCMP_CMP_NE', value: 40n }),
      allow('mount', { index: 3, op: 'SCMP_CMP_NE', value: 0x1000n }),
    );
    assert.deepEqual(narrowComparisons(closed, native), { profile: closed, narrowed: [] });
    const narrow: SeccompProfile = { ...denying(allow('socket', except(0, 40n))), architectures: ['SCMP_ARCH_ARM'] };
    assert.deepEqual(narrowComparisons(narrow, 'SCMP_ARCH_ARM'), { profile: narrow, narrowed: [] });
  });

  it('writes a denied value as one masked comparison', () => {
    const given: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['ioctl', 'read'], action: 'SCMP_ACT_ERRNO', args: [equal(1, 0x5412n)] },
        { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', args: [equal(1, 0x541cn)] },
        { names: ['mount'], action: 'SCMP_ACT_ERRNO' },
      ],
    };
    const { profile } = narrowComparisons(given, native);
    const masked = (valueTwo: bigint): SeccompArg => ({
      index: 1,
      op: 'SCMP_CMP_MASKED_EQ',
      value: upper - 1n,
      valueTwo,
    });
    assert.deepEqual(profile.syscalls, [
      // Its second argument is a pointer.
      { names: ['read'], action: 'SCMP_ACT_ERRNO', args: [equal(1, 0x5412n)] },
      { names: ['mount'], action: 'SCMP_ACT_ERRNO' },
      { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [masked(0x5412n)] },
      { names: ['ioctl'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [masked(0x541cn)] },
    ]);
  });

  it('keeps entries that no call meets, since they hold through socketcall', () => {
    const never: SeccompRule = {
      names: ['socket'],
      action: 'SCMP_ACT_ALLOW',
      args: [{ index: 0, op: 'SCMP_CMP_LT', value: 0n }],
    };
    const { profile } = narrowComparisons(denying(never, allow('socket', except(0, 40n))), native);
    assert.deepEqual(profile.syscalls?.[0], never);
    assert.equal(profile.syscalls?.length, 33);
  });

  it('knows where the flags of clone are', () => {
    const given = (architecture: string): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [architecture],
      syscalls: [0, 1].map((index) => ({ names: ['clone'], action: 'SCMP_ACT_ERRNO', args: [equal(index, 17n)] })),
    });
    for (const [architecture, index] of [
      [native, 0],
      ['SCMP_ARCH_S390X', 1],
    ] as const) {
      const { profile } = narrowComparisons(given(architecture), architecture);
      const masked = (profile.syscalls ?? [])
        .flatMap(({ args = [] }) => args)
        .filter(({ op }) => op === 'SCMP_CMP_MASKED_EQ');
      assert.deepEqual(
        masked.map((arg) => arg.index),
        [index],
      );
    }
  });

  it('denies syscalls whose masked comparisons would make the filter too large for the kernel', () => {
    const many = [...syscallsWithIntArguments()].filter((name) => intArguments(name, both).includes(0)).slice(0, 60);
    const given = denying(...many.map((name) => allow(name, except(0, 40n))), allow('mount', except(3, 40n)));
    const { profile, narrowed } = narrowComparisons(given, native);
    const exact = narrowed.filter((syscall) => syscall.exact);
    assert.equal(narrowed.length, many.length);
    assert.ok(exact.length > 0 && exact.length < many.length, `${exact.length}`);
    const entries = (name: string) => (profile.syscalls ?? []).filter((rule) => rule.names.includes(name)).length;
    for (const { name, exact: isExact } of narrowed) assert.equal(entries(name), isExact ? 32 : 0, name);
    assert.equal(entries('mount'), 1);
  });

  it('denies more than upper bits need where 32-bit programs would meet other conditions', () => {
    const given: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: both,
      syscalls: [allow('socket', equal(0, upper + 38n)), allow('socket', except(0, 38n))],
    };
    const { profile, narrowed } = narrowComparisons(given, native);
    assert.deepEqual(narrowed, [{ name: 'socket', exact: false }]);
    for (const architecture of both) {
      const call = { architecture, syscall: 'socket', args: [upper + 38n, 1n, 0n] };
      assert.equal(evaluate(profile, call), 'SCMP_ACT_ERRNO 1');
    }
  });
});

describe('what narrowComparisons closed', () => {
  it('stays closed in every intersection', () => {
    forProfiles(2, 80, ([given, other], calls) => {
      assert.ok(given && other);
      const { profile } = intersect([narrowComparisons(given, native).profile, other], native);
      for (const call of calls) {
        assert.ok(rank(evaluate(profile, call)) >= wanted(given, call), `open at ${show(call)}`);
      }
    });
  });

  it('stays closed in a union with what is closed too, or is reported', () => {
    forProfiles(2, 80, ([a, b], calls) => {
      assert.ok(a && b);
      const [first, second] = [narrowComparisons(a, native).profile, narrowComparisons(b, native).profile];
      const { profile, inexact } = unionSeccomp([first, second], native);
      for (const call of calls.filter(({ syscall }) => !inexact.includes(syscall))) {
        const closed = Math.min(...[first, second].map((input) => wanted(input, call)));
        assert.equal(rank(evaluate(profile, call)), closed, `open at ${show(call)}`);
      }
    });
  });

  it('deny socketcall where 64 bits of its first argument are compared, and what it stands for is denied', () => {
    const denied: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['socket', 'shmat'], action: 'SCMP_ACT_ERRNO' }],
    };
    for (const architecture of ['SCMP_ARCH_PPC64LE', 'SCMP_ARCH_S390X']) {
      const { profile, narrowed } = narrowComparisons(denied, architecture);
      assert.deepEqual(
        profile.syscalls?.flatMap(({ names, action, args }) => names.map((name) => [name, action, args])),
        ['socket', 'shmat', 'ipc', 'socketcall'].map((name) => [name, 'SCMP_ACT_ERRNO', undefined]),
      );
      assert.deepEqual(
        narrowed,
        ['ipc', 'socketcall'].map((name) => ({ name, exact: false })),
      );
      assert.equal(narrowComparisons(profile, architecture).profile, profile);
    }
    // There is no such call, or 32 bits are compared.
    for (const architecture of ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_X86']) {
      assert.equal(narrowComparisons(denied, architecture).profile, denied);
    }
    const allowed = denying({ names: ['socket'], action: 'SCMP_ACT_ALLOW' });
    assert.equal(narrowComparisons({ ...allowed, architectures: [] }, 'SCMP_ARCH_S390X').narrowed.length, 0);
  });

  it('deny socketcall where the new rules for what it stands for would clash in it', () => {
    const sockets: SeccompProfile = {
      ...denying(allow('socket', except(0, 40n)), {
        names: ['socket'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 22,
        args: [equal(0, 16n), equal(2, 9n)],
      }),
      architectures: both,
    };
    const { profile, narrowed } = narrowComparisons(sockets, native);
    assert.ok(narrowed.some(({ name, exact }) => name === 'socketcall' && !exact));
    const rules = profile.syscalls?.filter(({ names: named }) => named.includes('socketcall'));
    assert.deepEqual(
      rules?.map(({ action, args }) => [action, args]),
      [['SCMP_ACT_ERRNO', undefined]],
    );
  });
});
