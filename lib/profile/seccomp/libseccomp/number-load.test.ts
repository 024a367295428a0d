import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { intersectedSyscalls } from '#test/support/intersected-syscalls';
import { intersect } from '../intersect.ts';
import type { SeccompArg, SeccompProfile, SeccompRule } from '../model.ts';
import { unionSeccomp } from '../union.ts';
import { minimize } from '../write/minimize.ts';
import { narrowComparisons } from '../write/narrow-comparisons.ts';

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
    assert.deepEqual(unionSeccomp([named, named], native).inexact, ['nfsservctl']);
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

  it('come with a rule for x32 besides, where it is not behind x86_64, with which it shares its code', () => {
    const named: SeccompProfile = {
      ...denySocketOption,
      architectures: ['SCMP_ARCH_X32'],
      syscalls: [{ names: ['cachestat'], action: 'SCMP_ACT_ERRNO' }],
    };
    const anchorsOf = (profile: SeccompProfile) =>
      profile.syscalls?.flatMap(({ names }) => names).filter((name) => name !== 'cachestat');
    assert.deepEqual(anchorsOf(intersect([named], native).profile), ['nfsservctl']);
    assert.deepEqual(anchorsOf(intersect([named], 'SCMP_ARCH_X86').profile), ['getpmsg', 'nfsservctl']);
  });

  it('are listed for x86_64 before x32', () => {
    const listing = { ...denySocketOption, architectures: ['SCMP_ARCH_X32', native] };
    const sorted = ['SCMP_ARCH_X86', native, 'SCMP_ARCH_X32'];
    assert.deepEqual(intersect([listing], 'SCMP_ARCH_X86').profile.architectures, sorted);
    assert.deepEqual(unionSeccomp([listing, listing], 'SCMP_ARCH_X86').profile.architectures, sorted);
    assert.deepEqual(minimize(listing, 'SCMP_ARCH_X86').architectures, sorted.slice(1));
  });

  it('come with such a rule when comparisons are narrowed, which changes with which syscall libseccomp begins', () => {
    const arg: SeccompArg = { index: 0, value: 2n ** 32n + 40n, op: 'SCMP_CMP_EQ' };
    const named: SeccompProfile = {
      defaultAction: 'SCMP_ACT_LOG',
      architectures: ['SCMP_ARCH_AARCH64'],
      syscalls: [
        { names: ['socketcall'], action: 'SCMP_ACT_KILL_PROCESS', args: [{ ...arg, value: 2n ** 31n }] },
        { names: ['socketcall', 'dup'], action: 'SCMP_ACT_KILL_PROCESS', args: [arg] },
      ],
    };
    const { profile, narrowed } = narrowComparisons(named, 'SCMP_ARCH_AARCH64');
    assert.ok(narrowed.some(({ name, exact }) => name === 'nfsservctl' && !exact));
    const anchor = profile.syscalls?.find(({ names }) => names.includes('nfsservctl'));
    assert.deepEqual(anchor, { names: ['nfsservctl'], action: 'SCMP_ACT_ERRNO', errnoRet: 38 });
  });

  it('fall to a default of KILL_PROCESS when comparisons are narrowed', () => {
    const named: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_AARCH64'],
      syscalls: [
        { names: ['send'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 3n, op: 'SCMP_CMP_GE' }] },
        { names: ['dup'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 3n, op: 'SCMP_CMP_GE' }] },
      ],
    };
    const { profile } = narrowComparisons(named, 'SCMP_ARCH_AARCH64');
    const allowed = profile.syscalls?.filter(({ action }) => action === 'SCMP_ACT_ALLOW').flatMap(({ names }) => names);
    assert.deepEqual([...new Set(allowed)], ['dup']);
  });

  it('keep a profile from being minimized, since its meaning may hang on the number of its rules', () => {
    const named: SeccompProfile = {
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_AARCH64'],
      syscalls: [
        { names: ['dup'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 0n, op: 'SCMP_CMP_NE' }] },
        ...[0n, 1n].map((value): SeccompRule => {
          return { names: ['ipc'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value, op: 'SCMP_CMP_NE' }] };
        }),
      ],
    };
    assert.deepEqual(minimize(named, 'SCMP_ARCH_AARCH64'), named);
  });
});
