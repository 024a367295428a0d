import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { lint } from '../../lint.ts';
import type { SeccompAction, SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { minimize } from './minimize.ts';
import { renderSeccompJson } from './render-json.ts';

const native = 'SCMP_ARCH_X86_64';
const names = ['getpgid', 'getsid'];
const both = [native, 'SCMP_ARCH_X86'];
const doubts = new Set(['overlapping-actions', 'unreliable-comparison', 'slow-to-load']);

/** The syscalls whose entries libseccomp may load wrongly, late or in an order of its own. */
function doubtful(profile: SeccompProfile): readonly string[] {
  return names.filter((name) => {
    const rules = (profile.syscalls ?? []).filter((rule) => rule.names.includes(name));
    const alone = { ...profile, syscalls: rules.map((rule) => ({ ...rule, names: [name] })) };
    return lint({ kind: 'Seccomp', seccomp: alone }).some(({ code }) => doubts.has(code));
  });
}

/** Many entries, each for many of as many syscalls, with conditions of every kind that overlap. */
function hostile(syscalls: number, entries: number, conditions: number): SeccompProfile {
  const all = Array.from({ length: syscalls }, (_, number) => `s${number}`);
  const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'] as const;
  const actions: readonly SeccompAction[] = ['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_KILL_PROCESS'];
  const rules = Array.from({ length: entries }, (_, entry): SeccompRule => {
    const args = Array.from({ length: conditions }, (_unused, index): SeccompArg => {
      const value = BigInt(entry * 7919 + index * 104_729) ** 3n % 2n ** 64n;
      return { index, value, valueTwo: value >> 3n, op: `SCMP_CMP_${operators[(entry + index) % 7] ?? 'EQ'}` };
    });
    return { names: all, action: actions[entry % 3] ?? 'SCMP_ACT_LOG', args };
  });
  return { defaultAction: 'SCMP_ACT_ERRNO', architectures: both, syscalls: rules };
}

describe('minimize', () => {
  it('never makes conditions that libseccomp loads wrongly of those that it loads rightly', () => {
    let right = 0;
    for (const wide of [true, false]) {
      const shape = { names, architectures: [wide ? [native] : both], wide, rules: 5 };
      const property = fc.property(arbitraryProfile(shape), (profile) => {
        const before = doubtful(profile);
        const minimal = minimize(profile, native);
        const conditional = profile.syscalls?.filter(({ args = [] }) => args.length > 0).flatMap((rule) => rule.names);
        right += names.filter((name) => conditional?.includes(name) && !before.includes(name)).length;
        assert.deepEqual(
          doubtful(minimal).filter((name) => !before.includes(name)),
          [],
        );
      });
      fc.assert(property, { numRuns: 1_000 });
    }
    assert.ok(right > 500, `only ${right} had conditions that load rightly`);
  });

  it('ends soon, and keeps the meaning, whatever it gets', () => {
    for (const [syscalls, entries, conditions] of [
      [1, 8_000, 2],
      [8, 3_000, 6],
      [900, 150, 3],
      [20_000, 4, 2],
    ] as const) {
      const profile = hostile(syscalls, entries, conditions);
      const start = performance.now();
      const minimal = minimize(profile, native);
      const took = performance.now() - start;
      assert.ok(took < 3_000, `${took.toFixed()} ms for ${syscalls} syscalls of ${entries} entries`);
      const grown = renderSeccompJson(minimal).length - renderSeccompJson(profile).length;
      assert.ok(grown <= 0, `${grown} characters longer`);
      for (const call of cornerCalls([profile], ['s0'], both, 20, Math.random)) {
        assert.equal(evaluate(minimal, call), evaluate(profile, call));
      }
    }
  });

  it('keeps conditions that count for calls through socketcall only', () => {
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [native, 'SCMP_ARCH_X86'],
      syscalls: [
        // No call meets it, but libseccomp puts the number of the call in the place of this
        // condition.
        {
          names: ['socket'],
          action: 'SCMP_ACT_KILL_PROCESS',
          args: [
            { index: 0, value: 0n, op: 'SCMP_CMP_LT' },
            { index: 1, value: 5n, op: 'SCMP_CMP_EQ' },
          ],
        },
      ],
    };
    assert.deepEqual(minimize(profile, native).syscalls, profile.syscalls);
    const alone: SeccompProfile = { ...profile, architectures: [native] };
    assert.equal(minimize(alone, native).syscalls, undefined);
  });

  it('keeps the order of entries that it cannot write anew', () => {
    const entry = (action: SeccompAction, value: bigint): SeccompRule => ({
      names: ['getsid', 'getpgid'],
      action,
      args: [
        { index: 0, value, op: 'SCMP_CMP_LT' },
        { index: 1, value, op: 'SCMP_CMP_NE' },
      ],
    });
    const syscalls = [entry('SCMP_ACT_LOG', 2n ** 40n + 1n), entry('SCMP_ACT_ALLOW', 2n ** 50n + 3n)];
    const minimal = minimize({ defaultAction: 'SCMP_ACT_ERRNO', syscalls }, native);
    assert.deepEqual(
      minimal.syscalls,
      syscalls.map((each) => ({ ...each, names: ['getpgid', 'getsid'] })),
    );
  });

  it('keeps syscalls named that the default kills, since runc answers ENOSYS for newer ones', () => {
    const kills: SeccompRule = { names: ['futex_wake'], action: 'SCMP_ACT_KILL_PROCESS' };
    const allowed: SeccompRule = { names: ['read'], action: 'SCMP_ACT_ALLOW' };
    const profile: SeccompProfile = { defaultAction: 'SCMP_ACT_KILL_PROCESS', syscalls: [kills, allowed] };
    assert.deepEqual(minimize(profile, native).syscalls, [allowed, kills]);
    const denies: SeccompRule = { names: ['futex_wake'], action: 'SCMP_ACT_ERRNO' };
    const denying: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [denies, allowed] };
    assert.deepEqual(minimize(denying, native).syscalls, [allowed]);
  });

  it('says no errno that runtimes take anyway', () => {
    const syscalls: SeccompRule[] = [
      { names: ['bpf'], action: 'SCMP_ACT_TRACE', errnoRet: 1 },
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
      { names: ['read'], action: 'SCMP_ACT_ALLOW', errnoRet: 5 },
    ];
    assert.deepEqual(minimize({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 1, syscalls }, native), {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
        { names: ['bpf'], action: 'SCMP_ACT_TRACE' },
        { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
      ],
    });
  });

  it('keeps the order of entries that 32-bit programs meet through socketcall, where their actions differ', () => {
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X86_64'],
      syscalls: [
        {
          names: ['socketcall', 'connect'],
          action: 'SCMP_ACT_TRAP',
          args: [{ index: 0, value: 2n, op: 'SCMP_CMP_NE' }],
        },
        { names: ['socketcall', 'connect', 'bind'], action: 'SCMP_ACT_LOG' },
      ],
    };
    assert.deepEqual(minimize(profile, 'SCMP_ARCH_X86_64'), profile);
  });
});
