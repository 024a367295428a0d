import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import type { SeccompArg, SeccompProfile } from './model.ts';
import { unionSeccomp } from './union.ts';

const native = 'SCMP_ARCH_X86_64';
const names = ['read', 'clone', 'socket'];
const both = [native, 'SCMP_ARCH_X86'];

describe('union', () => {
  for (const [title, lists, wide] of [
    ['on x86_64', [[native], []], true],
    ['on x86_64 and x86', [both], false],
    ['on x86_64 and x86 with 64-bit values', [both], true],
  ] as const) {
    it(`is never stricter than an input, and equal to the laxest where it says that it is exact, ${title}`, () => {
      const shape = { names, architectures: lists, wide, rules: 5 };
      const inputs = fc.tuple(arbitraryProfile(shape), arbitraryProfile(shape), arbitraryProfile(shape));
      const property = fc.property(
        inputs,
        fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
        (profiles, random) => {
          const { profile, inexact } = unionSeccomp(profiles, native);
          for (const call of cornerCalls(profiles, names, lists.flat(), 60, () => random.next().value)) {
            const laxest = Math.min(...profiles.map((input) => rank(evaluate(input, call))));
            const result = rank(evaluate(profile, call));
            assert.ok(result <= laxest, `stricter at ${String(call.args)}`);
            if (!inexact.includes(call.syscall)) assert.equal(result, laxest, `not exact at ${String(call.args)}`);
          }
        },
      );
      fc.assert(property, { numRuns: 100 });
    });
  }

  it('joins recordings, architectures and flags', () => {
    const recorded = (name: string, architecture: string): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: [architecture],
      flags: ['SECCOMP_FILTER_FLAG_LOG', ...(name === 'read' ? ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'] : [])],
      syscalls: [{ names: [name], action: 'SCMP_ACT_ALLOW' }],
    });
    assert.deepEqual(unionSeccomp([recorded('read', native), recorded('bind', 'SCMP_ARCH_AARCH64')], native).profile, {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      architectures: [native, 'SCMP_ARCH_AARCH64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
      syscalls: [{ names: ['bind', 'read'], action: 'SCMP_ACT_ALLOW' }],
    });
  });

  it('writes conditions of allow lists side by side, and none that lies in another', () => {
    const allowing = (...args: SeccompArg[]): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: [native],
      syscalls: args.map((arg) => ({ names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [arg] })),
    });
    const none = (value: bigint): SeccompArg => ({ index: 0, value, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' });
    const compared = (op: SeccompArg['op'], value: bigint, index = 0): SeccompArg => ({ index, value, op });
    const namespaces = none(0x7e020000n);
    const user = none(0x10000000n);
    for (const [first, second, expected] of [
      // What one of them says already.
      [[namespaces], [compared('SCMP_CMP_EQ', 5n)], [namespaces]],
      [[namespaces], [compared('SCMP_CMP_LE', 100n)], [namespaces]],
      [[namespaces], [user], [user]],
      [[namespaces, compared('SCMP_CMP_EQ', 0x20000n)], [user, compared('SCMP_CMP_EQ', 3n)], [user]],
      // What neither says alone.
      [[user], [none(0x40000000n)], [user, none(0x40000000n)]],
      [[namespaces], [compared('SCMP_CMP_GE', 101n)], [namespaces, compared('SCMP_CMP_GE', 101n)]],
      [[namespaces], [compared('SCMP_CMP_EQ', 7n, 1)], [namespaces, compared('SCMP_CMP_EQ', 7n, 1)]],
    ] as const) {
      const orders = [
        [first, second],
        [second, first],
      ] as const;
      for (const [a, b] of orders) {
        const { profile, inexact } = unionSeccomp([allowing(...a), allowing(...b)], native);
        const written = profile.syscalls?.filter(({ names }) => names.includes('clone')).map(({ args }) => args?.[0]);
        assert.deepEqual(new Set(written), new Set(expected));
        assert.deepEqual(inexact, []);
      }
    }
  });
});
