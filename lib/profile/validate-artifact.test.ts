import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SeccompProfile } from './seccomp/model.ts';
import { validateArtifact } from './validate-artifact.ts';

const limits = { entriesPerSyscall: 2 };
const check = (seccomp: SeccompProfile) => validateArtifact({ kind: 'Seccomp', seccomp }, limits);

describe('validateArtifact', () => {
  it('accepts what KEP-6061 allows', () => {
    const entry = { names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet: 4095 } as const;
    check({ defaultAction: 'SCMP_ACT_ALLOW', flags: ['SECCOMP_FILTER_FLAG_LOG'], syscalls: [entry, entry] });
  });

  it('counts the conditions of an entry for each of its names', () => {
    const args = Array.from({ length: 4 }, (_, index) => ({ index, value: 1n, op: 'SCMP_CMP_EQ' as const }));
    const names = Array.from({ length: 4096 }, (_, index) => `call_${index}`);
    const plain = { names: [...names, 'more'], action: 'SCMP_ACT_ALLOW' } as const;
    const entry = { names, action: 'SCMP_ACT_ALLOW', args } as const;
    check({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [entry, plain] });
    const tooMany = {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [entry, { ...plain, args: args.slice(0, 1), names: ['more'] }],
    } as const;
    assert.throws(() => check(tooMany), {
      kind: 'ProfileInvalid',
      message: /\/syscalls: 16385 conditions, .* are more than 16384/,
    });
  });

  it('knows the rules of AppArmor profiles', () => {
    const withCapability = (name: string) =>
      validateArtifact(
        { kind: 'AppArmor', apparmor: { mode: 'Enforce', capability: { allowedCapabilities: [name] } } },
        limits,
      );
    withCapability('chown');
    assert.throws(() => withCapability('all'), { kind: 'ProfileInvalid', message: /unknown capability "all"/ });
  });

  it('lists every violation', () => {
    const entry = { names: ['mount', 'bpf'], action: 'SCMP_ACT_NOTIFY', errnoRet: 4096 } as const;
    const profile: SeccompProfile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 5000,
      listenerPath: '/run/l',
      listenerMetadata: 'x',
      flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'],
      syscalls: [entry, { names: ['mount'], action: 'SCMP_ACT_ERRNO' }, { names: ['mount'], action: 'SCMP_ACT_LOG' }],
    };
    assert.throws(
      () => check(profile),
      (error: { kind: string; message: string }) => {
        assert.equal(error.kind, 'ProfileInvalid');
        assert.deepEqual(error.message.replace('the profile may not be distributed: ', '').split('; '), [
          'at /listenerPath: not allowed',
          'at /listenerMetadata: not allowed',
          'at /flags/1: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is not allowed',
          'at /defaultErrnoRet: 5000 is above 4095',
          'at /syscalls/0/action: SCMP_ACT_NOTIFY is not allowed',
          'at /syscalls/0/errnoRet: 4096 is above 4095',
          'at /syscalls/2: more than 2 entries name mount',
        ]);
        return true;
      },
    );
  });
});
