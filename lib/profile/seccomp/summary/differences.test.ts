import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SeccompProfile } from '../model.ts';
import { seccompDifferences } from './differences.ts';

const native = 'SCMP_ARCH_X86_64';
const before: SeccompProfile = {
  defaultAction: 'SCMP_ACT_ERRNO',
  defaultErrnoRet: 38,
  architectures: [native],
  syscalls: [
    { names: ['chmod', 'fchmod', 'socket'], action: 'SCMP_ACT_ALLOW' },
    { names: ['ptrace'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
  ],
};
const after: SeccompProfile = {
  ...before,
  syscalls: [
    { names: ['openat2', 'close_range'], action: 'SCMP_ACT_ALLOW' },
    { names: ['chmod', 'fchmod'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_NE', value: 16n }] },
  ],
};

describe('seccompDifferences', () => {
  it('states in words what each call gets, and joins those that change alike', () => {
    assert.deepEqual(seccompDifferences(before, after, native), [
      { direction: 'tightened', subjects: ['chmod', 'fchmod'], was: 'is allowed', is: 'fails with EPERM' },
      { direction: 'loosened', subjects: ['close_range', 'openat2'], was: 'fails with ENOSYS', is: 'is allowed' },
      { direction: 'changed', subjects: ['ptrace'], was: 'fails with EPERM', is: 'fails with ENOSYS' },
      {
        direction: 'tightened',
        subjects: ['socket'],
        was: 'is allowed',
        is: 'is allowed when the family is not AF_NETLINK (16), otherwise fails with ENOSYS',
      },
    ]);
  });

  it('names programs for other architectures, and calls that no architecture has', () => {
    const other: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      architectures: [native, 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
      syscalls: [{ names: ['no_such_call'], action: 'SCMP_ACT_ERRNO' }],
    };
    assert.deepEqual(seccompDifferences({ defaultAction: 'SCMP_ACT_ALLOW', architectures: [native] }, other, native), [
      { direction: 'loosened', subjects: ['programs for x32', 'programs for x86'], was: 'are killed', is: 'run' },
      { direction: 'tightened', subjects: ['no_such_call'], was: 'is allowed', is: 'fails with EPERM' },
    ]);
  });

  it('names programs of another machine, and on which machines they run', () => {
    const other: SeccompProfile = { ...before, architectures: [native, 'SCMP_ARCH_AARCH64'] };
    assert.deepEqual(seccompDifferences(before, other, native), [
      {
        direction: 'loosened',
        subjects: ['programs for aarch64'],
        was: 'are killed',
        is: 'run, where the machine is of another architecture than its runtime',
      },
    ]);
  });

  it('states once what a call gets that is stricter for some arguments and fails in another way for others', () => {
    const socket = (value: bigint, errnoRet: number): SeccompProfile => ({
      ...before,
      defaultErrnoRet: errnoRet,
      syscalls: [{ names: ['socket'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, op: 'SCMP_CMP_LE', value }] }],
    });
    const differences = seccompDifferences(socket(10n, 1), socket(2n, 38), native);
    assert.deepEqual(
      differences.filter(({ subjects }) => subjects.includes('socket')).map(({ direction }) => direction),
      ['tightened'],
    );
  });

  it('states what calls get that are not listed, and nothing for a profile that is written differently', () => {
    const [first] = seccompDifferences(before, { ...before, defaultAction: 'SCMP_ACT_KILL_PROCESS' }, native);
    assert.deepEqual(first, {
      direction: 'tightened',
      subjects: ['calls that are not listed'],
      was: 'fails with ENOSYS',
      is: 'ends the process',
    });
    const syscalls = (before.syscalls ?? []).toReversed();
    assert.deepEqual(seccompDifferences(before, { ...before, syscalls }, native), []);
  });
});
