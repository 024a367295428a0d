import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import type { SeccompProfile } from './model.ts';
import { union } from './union.ts';

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
          const { profile, inexact } = union(profiles, native);
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
    assert.deepEqual(union([recorded('read', native), recorded('bind', 'SCMP_ARCH_AARCH64')], native).profile, {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 1,
      architectures: [native, 'SCMP_ARCH_AARCH64'],
      flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
      syscalls: [{ names: ['bind', 'read'], action: 'SCMP_ACT_ALLOW' }],
    });
  });
});
