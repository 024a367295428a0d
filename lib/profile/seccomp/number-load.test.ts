import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';
import { intersect } from './intersect.ts';
import type { SeccompProfile } from './model.ts';
import { union } from './union.ts';

const native = 'SCMP_ARCH_X86_64';
const denySocketOption: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  syscalls: [
    {
      names: ['setsockopt'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: 99,
      args: [{ index: 1, value: 41n, op: 'SCMP_CMP_EQ' }],
    },
  ],
};

describe('rules for names that an architecture does not have', () => {
  it('are not added where they say nothing that the inputs do not', () => {
    const { profile } = intersect([denySocketOption, denySocketOption], native);
    assert.deepEqual(profile.syscalls, denySocketOption.syscalls);
  });

  it('come with a rule that keeps libseccomp loading the number of the call', () => {
    const named: SeccompProfile = {
      ...denySocketOption,
      syscalls: [...(denySocketOption.syscalls ?? []), { names: ['stat64'], action: 'SCMP_ACT_ERRNO' }],
    };
    const found = intersect([named, named], native);
    const { profile } = found;
    const syscalls = intersectedSyscalls(found);
    const anchor = profile.syscalls?.find(({ names }) => names.includes('nfsservctl'));
    assert.deepEqual(anchor, { names: ['nfsservctl'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
    assert.equal(syscalls.find(({ name }) => name === 'nfsservctl')?.result.exact, false);
    assert.deepEqual(union([named, named], native).inexact, ['nfsservctl']);
  });

  it('need none beside an unconditional rule for a call that every architecture has', () => {
    const named: SeccompProfile = {
      ...denySocketOption,
      syscalls: [{ names: ['read', 'stat64'], action: 'SCMP_ACT_ERRNO' }],
    };
    const { profile } = intersect([named, named], native);
    assert.deepEqual(profile.syscalls, [{ names: ['read', 'stat64'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }]);
  });

  it('fall to a default of KILL_PROCESS, beside which no other outcome is as strict', () => {
    const killing: SeccompProfile = {
      ...denySocketOption,
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      syscalls: [...(denySocketOption.syscalls ?? []), { names: ['stat64'], action: 'SCMP_ACT_ALLOW' }],
    };
    const { profile } = intersect([killing, killing], native);
    const added = profile.syscalls?.filter(({ action }) => action !== 'SCMP_ACT_KILL_PROCESS');
    assert.deepEqual(
      added?.flatMap(({ names }) => names),
      ['setsockopt'],
    );
  });
});
