import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile, cornerCalls } from '#test/oracle/seccomp-arbitrary';
import { evaluate, rank } from '#test/oracle/seccomp-evaluate';
import { addBase } from './add-base.ts';
import type { SeccompProfile, SeccompRule } from './model.ts';

const native = 'SCMP_ARCH_X86_64';
const names = ['read', 'clone', 'socket', 'bind'];
const rule = (action: SeccompRule['action'], ...listed: string[]): SeccompRule => ({ names: listed, action });
const errno = (...syscalls: SeccompRule[]): SeccompProfile => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });

/** Which syscalls the rules of a profile name. */
const named = ({ syscalls = [] }: SeccompProfile): ReadonlySet<string> =>
  new Set(syscalls.flatMap((each) => each.names));

describe('addBase', () => {
  it('treats what one names as that one does, and what both name as the laxer does', () => {
    const shape = { names, architectures: [[native]], wide: true, rules: 4 };
    const random = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
    const property = fc.property(arbitraryProfile(shape), arbitraryProfile(shape), random, (profile, base, stream) => {
      const { profile: merged, inexact } = addBase(profile, base, native);
      const likeProfile: SeccompProfile = { ...profile, syscalls: base.syscalls ?? [] };
      for (const call of cornerCalls([profile, base], names, [native], 60, () => stream.next().value)) {
        const [own, added] = [profile, likeProfile].map((each) => rank(evaluate(each, call)));
        const inProfile = named(profile).has(call.syscall);
        const inBase = named(base).has(call.syscall);
        const result = rank(evaluate(merged, call));
        if (inProfile && inBase) {
          const laxest = Math.min(own ?? 0, added ?? 0);
          assert.ok(result <= laxest, `stricter than both for ${call.syscall}`);
          if (!inexact.includes(call.syscall)) assert.equal(result, laxest, `laxer than both for ${call.syscall}`);
        } else {
          assert.equal(result, inBase ? added : own, `${call.syscall} at ${String(call.args)}`);
        }
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('keeps what a profile denies that its base does not name', () => {
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [rule('SCMP_ACT_ERRNO', 'mount', 'bpf')],
    };
    const base = errno(rule('SCMP_ACT_ALLOW', 'read', 'bpf'));
    assert.deepEqual(addBase(profile, base, native).profile, {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [rule('SCMP_ACT_ERRNO', 'mount'), rule('SCMP_ACT_ALLOW', 'read')],
    });
  });

  it('permits what either condition permits, where joined lists of conditions would permit neither', () => {
    const when = (value: bigint): SeccompRule => ({
      ...rule('SCMP_ACT_ALLOW', 'socket'),
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    });
    const { profile, inexact } = addBase(errno(when(1n)), errno(when(2n)), native);
    const { syscalls = [] } = profile;
    const values = syscalls.flatMap(({ args = [] }) => [args.map(({ value }) => value)]);
    assert.deepEqual(values.toSorted(), [[1n], [2n]]);
    assert.deepEqual(inexact, []);
  });

  it('names the syscalls for which more would be allowed than by either', () => {
    const when = (first: bigint): readonly SeccompRule[] =>
      Array.from({ length: 1000 }, (_, i) => ({
        ...rule('SCMP_ACT_ALLOW', 'ioctl'),
        args: [{ index: 1, value: first + 3n * BigInt(i), op: 'SCMP_CMP_EQ' }],
      }));
    const { inexact } = addBase(errno(...when(0n)), errno(rule('SCMP_ACT_ALLOW', 'read'), ...when(1n)), native);
    assert.deepEqual(inexact, ['ioctl']);
  });

  it('takes nothing but syscalls from the base', () => {
    const base: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: ['SCMP_ARCH_ARM'],
      flags: ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
      listenerPath: '/run/listener',
      syscalls: [rule('SCMP_ACT_ALLOW', 'read')],
    };
    const { profile } = addBase({ defaultAction: 'SCMP_ACT_ERRNO' }, base, native);
    assert.deepEqual(profile, errno(rule('SCMP_ACT_ALLOW', 'read')));
  });
});
