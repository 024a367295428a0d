import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { arbitraryProfile } from '#test/oracle/seccomp-arbitrary';
import { effectiveAsWritten } from '../effective-profile.ts';
import type { SeccompArg, SeccompProfile } from '../model.ts';

const native = 'SCMP_ARCH_X86_64';
const allowAll: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW' };
const equal = (index: number, value: number): SeccompArg => ({ index, value: BigInt(value), op: 'SCMP_CMP_EQ' });

/** Allows one syscall under each of the conditions, and kills for the rest. */
function allowing(conditions: readonly (readonly SeccompArg[])[]): SeccompProfile {
  return {
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    syscalls: conditions.map((args) => ({ names: ['getpgid'], action: 'SCMP_ACT_ALLOW', args })),
  };
}

function argumentSets(profile: SeccompProfile, syscall: string): string[] {
  const rules = (profile.syscalls ?? []).filter(({ names }) => names.includes(syscall));
  return rules.map(({ args = [] }) => [...new Set(args.map(({ index }) => index))].sort().join());
}

describe('filters that libseccomp takes long to make', () => {
  it('are given up for the stricter outcome, which is reported', () => {
    const mixed = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((value) => [
      [equal(5, value)],
      [equal(1, value), equal(2, 9)],
      [equal(0, value), equal(3, 9), equal(4, 9)],
    ]);
    const { profile, constraints } = effectiveAsWritten({ baseline: allowAll, artifact: allowing(mixed) }, native);
    const sets = argumentSets(profile, 'getpgid');
    assert.ok(sets.length <= 512 && new Set(sets).size <= 1, `${sets.length} rules`);
    assert.ok(constraints.some(({ subject, exact }) => subject === 'getpgid' && !exact));
  });

  it('are not seen in many rules on the same arguments, or in single conditions', () => {
    const same = Array.from({ length: 60 }, (_, value) => [equal(0, value), equal(3, value)]);
    const single = Array.from({ length: 60 }, (_, value) => [equal(0, value)]);
    for (const conditions of [same, single]) {
      const { profile } = effectiveAsWritten({ baseline: allowAll, artifact: allowing(conditions) }, native);
      assert.equal(argumentSets(profile, 'getpgid').length, conditions.length);
    }
  });

  it('are never written, whatever the inputs', () => {
    const shape = { names: ['getpgid', 'getsid'], architectures: [[native]], wide: true, rules: 8 };
    fc.assert(
      fc.property(arbitraryProfile(shape), arbitraryProfile(shape), (baseline, artifact) => {
        const { profile } = effectiveAsWritten({ baseline, artifact }, native);
        for (const syscall of shape.names) {
          const sets = argumentSets(profile, syscall);
          assert.ok(sets.length <= 5 || new Set(sets).size === 1 || sets.every((set) => set.length <= 1));
        }
      }),
    );
  });
});
