import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Shape } from '#test/oracle/seccomp-arbitrary';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import type { Call } from '#test/oracle/seccomp-evaluate';
import { evaluate, possibleResults, rank } from '#test/oracle/seccomp-evaluate';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';
import { usualDefault } from '#test/support/runtime-default';
import { intersect } from './intersect.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from './model.ts';
import { operators } from './tables/vocabulary.ts';
import { narrowComparisons } from './write/narrow-comparisons.ts';

const native = 'SCMP_ARCH_X86_64';
const names = ['read', 'clone', 'socket'];
const architectures = [native, 'SCMP_ARCH_X86'];
const shapes: readonly Shape[] = [
  { names, architectures: [[], [native]], wide: true, rules: 5 },
  { names, architectures: [[native, 'SCMP_ARCH_X86'], [native]], wide: false, rules: 5 },
  { names, architectures: [[native, 'SCMP_ARCH_X86']], wide: true, rules: 5 },
  { names: ['read'], architectures: [[native, 'SCMP_ARCH_X86']], wide: false, rules: 3 },
];

/** Calls `check` with generated profiles of every shape and with calls at their corners. */
function forProfiles(
  count: number,
  runs: number,
  check: (profiles: readonly SeccompProfile[], calls: ReturnType<typeof cornerCalls>) => void,
): void {
  for (const shape of shapes) {
    const inputs = fc.array(arbitraryProfile(shape), { minLength: count, maxLength: count });
    const property = fc.property(inputs, fc.integer({ min: 1, max: 2 ** 31 - 1 }), (profiles, seed) => {
      check(profiles, cornerCalls(profiles, names, architectures, 120, randomFrom(seed)));
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

const show = (call: unknown) => JSON.stringify(call, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
const through = (first: bigint): Call => ({
  architecture: 'SCMP_ARCH_X86',
  syscall: 'socketcall',
  args: [first, 0n, 0n, 0n, 0n, 0n],
});
const strictestRank = (results: readonly string[]) => Math.max(...results.map(rank));

describe('intersect', () => {
  it('is never looser than an input, and equal to the strictest where it says that it is exact', () => {
    for (const count of [1, 2, 3]) {
      forProfiles(count, 100, (profiles, calls) => {
        const found = intersect(profiles, native);
        const { profile } = found;
        const syscalls = intersectedSyscalls(found);
        const exact = new Map(syscalls.map((syscall) => [syscall.name, syscall.result.exact]));
        for (const call of calls) {
          const result = evaluate(profile, call);
          const wanted = strictestRank(profiles.map((input) => evaluate(input, call)));
          assert.ok(rank(result) >= wanted, `looser at ${show(call)}: ${result}`);
          if (exact.get(call.syscall) ?? true) assert.equal(rank(result), wanted, `not exact at ${show(call)}`);
        }
      });
    }
  });

  it('permits no call of a 32-bit program for an upper half that the number of an NE condition has', () => {
    const allowing = (...args: SeccompArg[]): SeccompRule => ({ names: ['socket'], action: 'SCMP_ACT_ALLOW', args });
    const [both, x86] = [['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'], 'SCMP_ARCH_X86'];
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: both,
      syscalls: [
        allowing({ index: 0, value: 2n ** 32n, op: 'SCMP_CMP_NE' }),
        allowing({ index: 0, value: 2n ** 31n, op: 'SCMP_CMP_NE' }, { index: 1, value: 7n, op: 'SCMP_CMP_NE' }),
      ],
    };
    // Cut to 32 bits, the first condition is that the argument is not 0.
    const call = { architecture: x86, syscall: 'socket', args: [0n, 7n] };
    assert.equal(evaluate(profile, call), 'SCMP_ACT_KILL_PROCESS');
    assert.equal(evaluate(intersect([profile], native).profile, call), 'SCMP_ACT_KILL_PROCESS');
  });

  it('keeps a denied socket denied through socketcall, which RuntimeDefault allows', () => {
    const artifact: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures,
      syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ERRNO', args: [{ index: 0, value: 38n, op: 'SCMP_CMP_EQ' }] }],
    };
    const baseline = usualDefault({ architecture: 'amd64', capabilities: [] });
    assert.deepEqual(possibleResults(baseline, through(1n)), ['SCMP_ACT_ALLOW']);
    const { profile } = intersect([baseline, artifact], native);
    assert.deepEqual(possibleResults(profile, through(1n)), ['SCMP_ACT_ERRNO 38']);
    assert.equal(evaluate(profile, { architecture: native, syscall: 'socket', args: [2n] }), 'SCMP_ACT_ALLOW');
  });

  it('does not depend on the order or the grouping of its inputs, where it is exact', () => {
    forProfiles(3, 100, ([a, b, c], calls) => {
      assert.ok(a && b && c);
      const ways = [
        intersect([a, b, c], native),
        intersect([c, b, a], native),
        intersect([intersect([a, b], native).profile, c], native),
        intersect([a, intersect([b, c], native).profile], native),
      ];
      const inexact = new Set(
        [...ways, intersect([a, b], native), intersect([b, c], native)].flatMap((way) =>
          intersectedSyscalls(way)
            .filter(({ result }) => !result.exact)
            .map(({ name }) => name),
        ),
      );
      for (const call of calls.filter(({ syscall }) => !inexact.has(syscall))) {
        const ranks = ways.map(({ profile }) => rank(evaluate(profile, call)));
        assert.equal(new Set(ranks).size, 1, `${ranks} at ${show(call)}`);
      }
    });
  });

  it('of a profile with itself means the same, and intersecting again changes nothing', () => {
    forProfiles(1, 100, ([profile], calls) => {
      assert.ok(profile);
      const once = intersect([profile, profile], native);
      const twice = intersect([once.profile, profile], native);
      for (const call of calls) {
        const exact = intersectedSyscalls(once).find(({ name }) => name === call.syscall)?.result.exact ?? true;
        if (exact) assert.equal(evaluate(once.profile, call), evaluate(profile, call), show(call));
        assert.ok(rank(evaluate(twice.profile, call)) >= rank(evaluate(once.profile, call)), show(call));
      }
    });
  });

  it('writes only shapes of rules that libseccomp joins rightly', () => {
    forProfiles(2, 100, (profiles) => {
      const { profile } = intersect(profiles, native);
      for (const name of names) {
        const rules = (profile.syscalls ?? []).filter((rule) => rule.names.includes(name)).map(({ args = [] }) => args);
        for (const args of rules)
          assert.equal(new Set(args.map(({ index }) => index)).size, args.length, 'index twice');
        if (rules.length < 2) continue;
        assert.ok(!rules.some((args) => args.length === 0), 'unconditional beside others');
        const used = operators.filter((operator) => rules.flat().some(({ op }) => op === operator));
        const masked = used.every((operator) => operator === 'SCMP_CMP_EQ' || operator === 'SCMP_CMP_MASKED_EQ');
        const single = rules.every((args) => args.length === 1) && !used.includes('SCMP_CMP_LT');
        assert.ok((masked || single) && !used.includes('SCMP_CMP_LE'), `${name}: ${used}`);
      }
    });
  });

  const allow = (name: string, op: 'SCMP_CMP_NE' | 'SCMP_CMP_LT' | 'SCMP_CMP_GE', value: bigint): SeccompProfile => ({
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: [native, 'SCMP_ARCH_X86'],
    syscalls: [{ names: [name], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op }] }],
  });

  it('keeps the earliest errno at equal strictness', () => {
    const errno = (errnoRet: number): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet }],
    });
    const { profile } = intersect([errno(38), errno(13)], native);
    assert.deepEqual(profile.syscalls, [{ names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 }]);
  });

  it('loses error numbers rather than what both permit', () => {
    const names = ['socket'];
    const when = (action: SeccompRule['action'], ...args: readonly SeccompArg[]): SeccompRule => ({
      names,
      action,
      args,
    });
    const is = (index: number, op: 'SCMP_CMP_EQ' | 'SCMP_CMP_NE', value: bigint): SeccompArg => ({ index, op, value });
    // As CRI-O has it: audit sockets are denied with another number than what is not listed.
    const baseline: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures,
      syscalls: [
        { ...when('SCMP_ACT_ERRNO', is(0, 'SCMP_CMP_EQ', 16n), is(2, 'SCMP_CMP_EQ', 9n)), errnoRet: 22 },
        when('SCMP_ACT_ALLOW', is(0, 'SCMP_CMP_NE', 16n)),
        when('SCMP_ACT_ALLOW', is(0, 'SCMP_CMP_EQ', 16n), is(2, 'SCMP_CMP_NE', 9n)),
        { names: ['socketcall'], action: 'SCMP_ACT_ALLOW' },
      ],
    };
    const artifact: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures,
      syscalls: [
        when('SCMP_ACT_ALLOW', is(0, 'SCMP_CMP_EQ', 2n)),
        when('SCMP_ACT_ALLOW', is(0, 'SCMP_CMP_EQ', 10n)),
        { names: ['socketcall'], action: 'SCMP_ACT_ALLOW' },
      ],
    };
    const found = intersect([baseline, artifact], native);
    const { profile } = found;
    const syscalls = intersectedSyscalls(found);
    const socket = (family: bigint, protocol: bigint) =>
      evaluate(profile, { architecture: native, syscall: 'socket', args: [family, 1n, protocol] });
    assert.equal(socket(2n, 0n), 'SCMP_ACT_ALLOW');
    assert.equal(socket(10n, 9n), 'SCMP_ACT_ALLOW');
    assert.equal(rank(socket(16n, 9n)), rank('SCMP_ACT_ERRNO 22'));
    assert.equal(rank(socket(17n, 0n)), rank('SCMP_ACT_ERRNO 1'));
    assert.equal(syscalls.find(({ name }) => name === 'socket')?.result.exact, false);
  });

  it('loses error numbers, too, where telling them apart would take conditions without end', () => {
    const families: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures,
      syscalls: [1n, 2n, 10n].map((value) => ({
        names: ['socket'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
      })),
    };
    const { profile: baseline } = narrowComparisons(allow('socket', 'SCMP_CMP_NE', 40n), native);
    const { profile } = intersect([baseline, families], native);
    const results = [0n, 1n, 2n, 10n, 40n].map((value) =>
      evaluate(profile, { architecture: native, syscall: 'socket', args: [value] }),
    );
    const [denied, allowed] = ['SCMP_ACT_ERRNO 1', 'SCMP_ACT_ALLOW'];
    assert.deepEqual(results, [denied, allowed, allowed, allowed, denied]);
  });

  it('says two forbidden values without losing any other', () => {
    const found = intersect([allow('socket', 'SCMP_CMP_NE', 40n), allow('socket', 'SCMP_CMP_NE', 16n)], native);
    const { profile } = found;
    const syscalls = intersectedSyscalls(found);
    assert.deepEqual(
      syscalls.map(({ result }) => result.exact),
      [true],
    );
    for (const value of [0n, 15n, 16n, 17n, 39n, 40n, 41n, 2n ** 32n + 16n, 2n ** 64n - 1n]) {
      const call = { architecture: native, syscall: 'socket', args: [value] };
      const result = evaluate(profile, call);
      assert.equal(result, value === 16n || value === 40n ? 'SCMP_ACT_ERRNO 1' : 'SCMP_ACT_ALLOW', `${value}`);
    }
  });

  it('keeps names that runc takes for the newest syscall, where the default kills', () => {
    const killing = (name: string): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      syscalls: [{ names: ['read', name], action: 'SCMP_ACT_ALLOW' }],
    });
    assert.deepEqual(intersect([killing('futex_waitv'), killing('write')], native).profile.syscalls, [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['futex_waitv', 'write'], action: 'SCMP_ACT_KILL_PROCESS' },
    ]);
  });

  it('minds that 32-bit architectures cut values, so that two of them may be one', () => {
    const except = (value: bigint) => ({
      names: ['read'],
      action: 'SCMP_ACT_ERRNO' as const,
      args: [{ index: 0, value, op: 'SCMP_CMP_NE' as const }],
    });
    const artifact: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures,
      syscalls: [except(2n ** 32n), except(2n ** 63n)],
    };
    const { profile } = intersect([{ defaultAction: 'SCMP_ACT_ALLOW', architectures }, artifact], native);
    const call = { architecture: 'SCMP_ARCH_X86', syscall: 'read', args: [0n] };
    assert.equal(evaluate(artifact, call), 'SCMP_ACT_KILL_PROCESS');
    assert.equal(evaluate(profile, call), 'SCMP_ACT_KILL_PROCESS');
  });

  it('lets no condition that 32-bit architectures cut come to lie over one with another outcome', () => {
    const denying = (action: SeccompRule['action'], arg: Omit<SeccompArg, 'index'>): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [{ names: ['getsid'], action, args: [{ index: 0, ...arg }] }],
    });
    const killed = denying('SCMP_ACT_KILL_THREAD', { op: 'SCMP_CMP_LE', value: 1_252_008_230n });
    const logged = denying('SCMP_ACT_LOG', { op: 'SCMP_CMP_MASKED_EQ', value: 3n, valueTwo: 2n });
    const { profile } = intersect([killed, logged], 'SCMP_ARCH_X86_64');
    for (const value of [2n, 6n, 1_252_008_230n]) {
      const met = (profile.syscalls ?? []).filter(({ args = [] }) =>
        args.every(({ value: mask, valueTwo = 0n, op }) => {
          const low = 0xffff_ffffn;
          assert.ok(op === 'SCMP_CMP_MASKED_EQ' || op === 'SCMP_CMP_EQ' || op === 'SCMP_CMP_GE', op);
          if (op === 'SCMP_CMP_GE') return value >= mask;
          return op === 'SCMP_CMP_EQ' ? value === mask : (value & mask & low) === (valueTwo & low);
        }),
      );
      assert.deepEqual([...new Set(met.map(({ action }) => action))], ['SCMP_ACT_KILL_THREAD'], `${value}`);
    }
  });

  it('narrows a range from both sides', () => {
    const { profile } = intersect([allow('read', 'SCMP_CMP_GE', 4n), allow('read', 'SCMP_CMP_LT', 8n)], native);
    assert.deepEqual(profile.syscalls, [
      {
        names: ['read'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 0, value: 2n ** 64n - 4n, valueTwo: 4n, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ]);
  });

  it('intersects architectures with the native one filled in, and flags by what they do', () => {
    const make = (list: readonly string[], flags: readonly string[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: list,
      flags,
    });
    const specAllow = 'SECCOMP_FILTER_FLAG_SPEC_ALLOW';
    const log = 'SECCOMP_FILTER_FLAG_LOG';
    const a = make(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'], [specAllow]);
    const b = make(['SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64'], [log]);
    const { profile } = intersect([a, b], native);
    assert.deepEqual(profile.architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
    assert.deepEqual(profile.flags, [log]);
  });

  it('takes an empty or absent list of architectures for the native one alone, in every place', () => {
    const both: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    };
    const absent: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW' };
    const empty: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW', architectures: [] };
    for (const inputs of [
      [absent, both],
      [both, empty],
      [both, absent, both],
      [absent, empty],
    ]) {
      assert.deepEqual(intersect(inputs, native).profile.architectures, [native]);
    }
  });

  it('has SPEC_ALLOW only if all inputs have it in effect, as an absent list does and an empty one does not', () => {
    const specAllow = 'SECCOMP_FILTER_FLAG_SPEC_ALLOW';
    const make = (flags?: readonly string[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      ...(flags && { flags }),
    });
    const flagsOf = (...inputs: SeccompProfile[]) => intersect(inputs, native).profile.flags;
    assert.equal(flagsOf(make(), make()), undefined);
    assert.equal(flagsOf(make(), make([specAllow])), undefined);
    assert.deepEqual(flagsOf(make(), make([])), []);
    assert.deepEqual(flagsOf(make([]), make([specAllow])), []);
    const log = 'SECCOMP_FILTER_FLAG_LOG';
    assert.deepEqual(flagsOf(make(), make([log])), [log]);
    assert.deepEqual(flagsOf(make([log, specAllow]), make()), [log, specAllow]);
  });

  it('never writes an error number that libseccomp refuses', () => {
    const input: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 4095,
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
    };
    const { profile } = intersect([input, input], native);
    assert.equal(profile.defaultErrnoRet, 1);
    assert.deepEqual(profile.syscalls, []);
  });

  it('names every syscall that an input names, if the default kills, since runc answers ENOSYS for newer ones', () => {
    const killing = (...syscalls: SeccompRule[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW' }, ...syscalls],
    });
    const naming = killing({ names: ['statmount', 'read'], action: 'SCMP_ACT_KILL_PROCESS' });
    const denying: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names: ['listmount'], action: 'SCMP_ACT_ERRNO' }],
    };
    const kills = (...names: string[]) => [{ names, action: 'SCMP_ACT_KILL_PROCESS' }];
    const restOf = (...inputs: SeccompProfile[]) => intersect(inputs, native).profile.syscalls?.slice(1);
    assert.deepEqual(restOf(naming, killing()), kills('statmount'));
    assert.deepEqual(restOf(killing(), naming), kills('statmount'));
    assert.deepEqual(intersect([naming, denying], native).profile.syscalls?.at(-1), kills('listmount', 'statmount')[0]);
  });

  it('reads a profile once that it meets again, unless it is large or names unknown syscalls', () => {
    const isKept = (profile: SeccompProfile) => {
      const others = [allowing('read'), allowing('write')];
      const [first, second] = others.map((other) => intersect([profile, other], native).meanings[0]);
      return first === second;
    };
    const compared = (count: number): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: Array.from({ length: count }, (_, value) => ({
        names: ['ioctl'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 1, value: BigInt(value), op: 'SCMP_CMP_EQ' }],
      })),
    });
    assert.ok(isKept(usualDefault({ architecture: 'amd64', capabilities: [] })));
    assert.ok(isKept(compared(500)));
    assert.ok(!isKept(compared(600)));
    assert.ok(!isKept(allowing('nosuchcall')));
  });

  it('makes the same of a profile, whatever that was intersected with before', () => {
    const pool = [...names, 'nosuchcall', 'othercall'];
    const profiles = fc.array(arbitraryProfile({ ...(shapes[2] as Shape), names: pool }), {
      minLength: 3,
      maxLength: 5,
    });
    const property = fc.property(profiles, (list) => {
      for (const first of list) {
        for (const second of list) {
          const copies = [structuredClone(first), structuredClone(second)];
          assert.deepEqual(outcomeOf([first, second]), outcomeOf(copies));
        }
      }
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('makes the same of a profile given twice as of two equal ones', () => {
    // Comparisons beyond 32 bits are combined with no others where 32-bit programs run.
    const wide: SeccompArg = { index: 1, value: 2n ** 40n, op: 'SCMP_CMP_EQ' };
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures,
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [wide] }],
    };
    assert.deepEqual(outcomeOf([profile, profile]), outcomeOf([profile, structuredClone(profile)]));
  });
});

function allowing(...list: readonly string[]): SeccompProfile {
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: list, action: 'SCMP_ACT_ALLOW' }] };
}

/** An intersection, and what it comes to for each syscall. */
function outcomeOf(inputs: readonly SeccompProfile[]): unknown {
  const found = intersect(inputs, native);
  return { profile: found.profile, syscalls: intersectedSyscalls(found) };
}
