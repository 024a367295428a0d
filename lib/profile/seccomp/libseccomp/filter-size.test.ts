import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';
import { usualDefault } from '#test/support/runtime-default';
import { intersect } from '../intersect.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';

const native = 'SCMP_ARCH_X86_64';
const word = 0xffff_ffffn;

/** Conditions of which one holds where the low half of an argument is none of `values`. */
function lowExcept(index: number, ...values: readonly bigint[]): readonly SeccompArg[] {
  const blocks: SeccompArg[] = [];
  const visit = (value: bigint, mask: bigint, bit: bigint): void => {
    if (!values.some((other) => (other & mask) === value)) {
      blocks.push({ index, value: mask, valueTwo: value, op: 'SCMP_CMP_MASKED_EQ' });
    } else if (bit > 0n) {
      visit(value, mask | bit, bit >> 1n);
      visit(value | bit, mask | bit, bit >> 1n);
    }
  };
  visit(0n, 0n, 1n << 31n);
  return blocks;
}

const lowIs = (index: number, value: bigint): SeccompArg => ({
  index,
  value: word,
  valueTwo: value,
  op: 'SCMP_CMP_MASKED_EQ',
});

/**
 * What a runtime applies by default, with CRI-O's rules for socket in conditions on low halves
 * alone.
 */
function defaultWithMaskedSockets(): SeccompProfile {
  const baseline = usualDefault({ architecture: 'amd64', capabilities: [] });
  const names = ['socket'];
  const rules: SeccompRule[] = [
    { names, action: 'SCMP_ACT_ERRNO', errnoRet: 22, args: [lowIs(0, 16n), lowIs(2, 9n)] },
    ...lowExcept(2, 9n).map((arg): SeccompRule => ({ names, action: 'SCMP_ACT_ALLOW', args: [lowIs(0, 16n), arg] })),
    ...lowExcept(0, 16n, 40n).map((arg): SeccompRule => ({ names, action: 'SCMP_ACT_ALLOW', args: [arg] })),
  ];
  const others = (baseline.syscalls ?? []).filter((rule) => !rule.names.includes('socket'));
  return { ...baseline, syscalls: [...others, ...rules] };
}

describe('what fits into a filter of the kernel', () => {
  it('is not taken for too much where many conditions begin alike, or look at low halves only', () => {
    const baseline = defaultWithMaskedSockets();
    const artifact: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW', architectures: baseline.architectures ?? [] };
    const found = intersect([baseline, artifact], native);
    const { profile } = found;
    const syscalls = intersectedSyscalls(found);
    assert.deepEqual(
      syscalls.filter(({ result }) => !result.exact),
      [],
    );
    for (const args of [
      [2n, 1n, 0n],
      [16n, 3n, 0n],
      [16n, 3n, 9n],
      [40n, 1n, 0n],
      [(1n << 32n) | 2n, 1n, 9n],
    ]) {
      const call = { architecture: native, syscall: 'socket', args };
      assert.equal(evaluate(profile, call), evaluate(baseline, call), `${args}`);
    }
  });
});
