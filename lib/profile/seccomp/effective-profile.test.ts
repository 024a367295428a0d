import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { evaluate } from '#test/oracle/seccomp-evaluate';
import { usualDefault } from '#test/support/runtime-default';
import { seccompOf } from '../profile.ts';
import { readProfile } from '../read-profile.ts';
import { effectiveAsWritten } from './effective-profile.ts';
import type { SeccompProfile } from './model.ts';

const native = 'SCMP_ARCH_X86_64';
const baseline = usualDefault({ architecture: 'amd64', capabilities: ['CAP_NET_BIND_SERVICE'] });
const nginx = seccompOf(readProfile(readFileSync(new URL('../../../examples/nginx.json', import.meta.url))));

describe('effectiveProfile', () => {
  it('denies what the baseline denies and says so, and what the artifact denies', () => {
    const { profile, constraints } = effectiveAsWritten({ baseline, artifact: nginx }, native);
    const result = (syscall: string, ...args: bigint[]) => evaluate(profile, { architecture: native, syscall, args });
    assert.equal(result('mount'), 'SCMP_ACT_ERRNO 1');
    assert.equal(result('chmod'), 'SCMP_ACT_ERRNO 1');
    assert.equal(result('ptrace'), 'SCMP_ACT_ERRNO 38');
    assert.equal(result('read'), 'SCMP_ACT_ALLOW');
    assert.equal(result('socket', 2n), 'SCMP_ACT_ALLOW');
    assert.equal(result('socket', 16n), 'SCMP_ACT_ERRNO 38');
    assert.equal(result('socket', 40n), 'SCMP_ACT_ERRNO 1');
    assert.equal(result('clone', 0x1000_0000n), 'SCMP_ACT_ERRNO 1');
    assert.equal(result('clone', 0x11n), 'SCMP_ACT_ALLOW');
    assert.deepEqual(
      constraints.map(({ subject, input, from, to, exact }) => `${subject} ${input} ${from} -> ${to} ${exact}`),
      [
        'clone baseline SCMP_ACT_ALLOW -> SCMP_ACT_ALLOW if arg0 & 0x7e020000 == 0, else SCMP_ACT_ERRNO(1) true',
        'clone3 baseline SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO(38) true',
        'keyctl baseline SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO(1) true',
        'mount baseline SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO(1) true',
        'socket baseline SCMP_ACT_ALLOW if arg0 == 1 or arg0 == 2 or arg0 == 10, else SCMP_ACT_ERRNO(38) -> SCMP_ACT_ALLOW if arg0 == 1 or arg0 == 2 or arg0 == 10, SCMP_ACT_ERRNO(38) if arg0 == 0 or 3 <= arg0 <= 9 or 11 <= arg0 <= 39 or arg0 >= 41, else SCMP_ACT_ERRNO(1) true',
        'umount2 baseline SCMP_ACT_ALLOW -> SCMP_ACT_ERRNO(1) true',
      ],
    );
  });

  it('tells of a default that was too lax once, not for every syscall', () => {
    const artifact: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['chmod'], action: 'SCMP_ACT_ERRNO' }],
    };
    const { constraints } = effectiveAsWritten({ baseline, artifact }, native);
    assert.deepEqual(constraints, [
      { subject: 'defaultAction', input: 'baseline', from: 'SCMP_ACT_ALLOW', to: 'SCMP_ACT_ERRNO(1)', exact: true },
    ]);
  });

  it('names the base where that is what constrains', () => {
    const base: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [{ names: ['read'], action: 'SCMP_ACT_TRAP' }],
    };
    const artifact: SeccompProfile = { defaultAction: 'SCMP_ACT_ALLOW' };
    const { profile, constraints } = effectiveAsWritten({ base, artifact }, native);
    assert.deepEqual(constraints, [
      { subject: 'read', input: 'base', from: 'SCMP_ACT_ALLOW', to: 'SCMP_ACT_TRAP', exact: true },
    ]);
    assert.deepEqual(profile.syscalls, [{ names: ['read'], action: 'SCMP_ACT_TRAP' }]);
  });

  it('takes listener fields from the baseline only', () => {
    const listening = (path: string): SeccompProfile => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      listenerPath: path,
      flags: ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
      syscalls: [{ names: ['mount'], action: 'SCMP_ACT_NOTIFY' }],
    });
    const with_ = effectiveAsWritten({ baseline: listening('/run/a'), artifact: listening('/run/b') }, native);
    assert.equal(with_.profile.listenerPath, '/run/a');
    assert.deepEqual(with_.profile.flags, ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']);
    const without = effectiveAsWritten({ artifact: listening('/run/b') }, native);
    assert.equal(without.profile.listenerPath, undefined);
    assert.deepEqual(without.profile.flags, []);
  });

  it('tells of architectures only where programs of them could run', () => {
    const artifact: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64'],
    };
    const base: SeccompProfile = { defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64'] };
    assert.deepEqual(effectiveAsWritten({ base, artifact }, native).constraints, [
      { subject: 'architectures', input: 'base', from: 'SCMP_ARCH_X86', to: 'calls are killed', exact: true },
    ]);
  });

  it('is the same whenever it is made', () => {
    assert.deepEqual(
      effectiveAsWritten({ baseline, artifact: nginx }, native),
      effectiveAsWritten({ baseline, artifact: nginx }, native),
    );
  });
});
