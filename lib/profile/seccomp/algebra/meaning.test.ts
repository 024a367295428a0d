import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { equalsSeccomp } from '../diff.ts';
import { effectiveAsWritten } from '../effective-profile.ts';
import type { SeccompAction, SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { unionSeccomp } from '../union.ts';
import { minimize } from '../write/minimize.ts';

const native = 'SCMP_ARCH_X86_64';
const masked = (index: number, mask: bigint): SeccompArg => ({
  index,
  value: mask,
  valueTwo: 0n,
  op: 'SCMP_CMP_MASKED_EQ',
});
const rule = (action: SeccompAction, ...args: readonly SeccompArg[]): SeccompRule => ({
  names: ['getsid'],
  action,
  args,
});
const profile = (...syscalls: readonly SeccompRule[]): SeccompProfile => ({
  defaultAction: 'SCMP_ACT_ERRNO',
  architectures: [native, 'SCMP_ARCH_X86'],
  syscalls,
});

describe('what a profile means', () => {
  it('is decided by an alternative under an empty mask', () => {
    const alternatives = profile(
      rule('SCMP_ACT_ALLOW', masked(0, 0n), { index: 0, value: 3n, op: 'SCMP_CMP_EQ' }),
      rule('SCMP_ACT_KILL_PROCESS', { index: 0, value: 40n, op: 'SCMP_CMP_EQ' }),
    );
    assert.ok(equalsSeccomp(alternatives, profile(rule('SCMP_ACT_ALLOW')), native));
  });

  it('is on 32-bit architectures decided by a mask that is empty there', () => {
    for (const condition of [[masked(0, 2n ** 63n)], [masked(0, 2n ** 40n), { ...masked(0, 5n), valueTwo: 5n }]]) {
      const cut = profile(rule('SCMP_ACT_KILL_PROCESS', ...condition), rule('SCMP_ACT_ALLOW'));
      const allowing: SeccompProfile = { ...cut, defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule('SCMP_ACT_LOG')] };
      const { profile: effective, constraints } = effectiveAsWritten({ baseline: cut, artifact: allowing }, native);
      assert.deepEqual(effective.syscalls, [{ names: ['getsid'], action: 'SCMP_ACT_KILL_PROCESS' }]);
      assert.ok(constraints.some(({ subject, exact }) => subject === 'getsid' && !exact));
      assert.deepEqual(unionSeccomp([cut, profile()], native).profile.syscalls, [
        { names: ['getsid'], action: 'SCMP_ACT_ALLOW' },
      ]);
      assert.ok(equalsSeccomp(minimize(cut, native), cut, native));
    }
  });
});
