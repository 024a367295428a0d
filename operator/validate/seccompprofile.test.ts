import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holds, profileObject, validated } from '#test/support/profile-object';
import { settingsOf } from './settings.ts';

const read = { names: ['read'], action: 'SCMP_ACT_ALLOW' };
const seccomp = (more: object = {}) => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [read], ...more });
const when = (args: object, action = 'SCMP_ACT_ALLOW') => ({ names: ['socket'], action, args: [args] });
const notify = { names: ['mount', 'write'], action: 'SCMP_ACT_NOTIFY' };
const isOne = { index: 0, value: 1, op: 'SCMP_CMP_EQ' };
const security = (allowed: object) => settingsOf({ spec: { security: allowed } } as never);

describe('the validation of a SeccompProfile', () => {
  holds('SeccompProfile', [
    {
      rule: 'requires a default action',
      good: seccomp(),
      bad: { syscalls: [read] },
      says: /^spec\.defaultAction: is missing\. Add it\.$/,
    },
    {
      rule: 'knows the actions',
      good: seccomp({ defaultAction: 'SCMP_ACT_KILL_PROCESS' }),
      bad: seccomp({ defaultAction: 'SCMP_ACT_ALOW' }),
      says: /^spec\.defaultAction: unknown value "SCMP_ACT_ALOW": did you mean SCMP_ACT_ALLOW\? Use one of SCMP_ACT_KILL,/,
    },
    {
      rule: 'knows the architectures',
      good: seccomp({ architectures: ['SCMP_ARCH_NATIVE'] }),
      bad: seccomp({ architectures: ['x86_64'] }),
      says: /^spec\.architectures\[0\]: unknown value "x86_64"/,
    },
    {
      rule: 'requires names in an entry',
      good: seccomp({ syscalls: [read] }),
      bad: seccomp({ syscalls: [read, { ...read, names: [] }] }),
      says: /^spec\.syscalls\[1\]\.names: must not be empty/,
    },
    {
      rule: 'refuses a name twice in one entry',
      good: seccomp({ syscalls: [read, read] }),
      bad: seccomp({ syscalls: [{ ...read, names: ['read', 'read'] }] }),
      says: /^spec\.syscalls\[0\]\.names: has "read" twice\. Remove one/,
    },
    {
      rule: 'has arguments 0 to 5',
      good: seccomp({ syscalls: [when({ ...isOne, index: 5 })] }),
      bad: seccomp({ syscalls: [when({ ...isOne, index: 6 })] }),
      says: /^spec\.syscalls\[0\]\.args\[0\]\.index: must be a whole number from 0 to 5, is 6/,
    },
    {
      rule: 'has at most six conditions in an entry',
      good: seccomp({ syscalls: [{ ...read, args: Array(6).fill(isOne) }] }),
      bad: seccomp({ syscalls: [{ ...read, args: Array(7).fill(isOne) }] }),
      says: /^spec\.syscalls\[0\]\.args: has 7 items, more than 6/,
    },
    {
      rule: 'compares with integers of 64 bits, exactly',
      good: seccomp({ syscalls: [when({ ...isOne, value: 2n ** 63n - 1n })] }),
      bad: seccomp({ syscalls: [when({ ...isOne, value: 2n ** 63n })] }),
      says: /^spec\.syscalls\[0\]\.args\[0\]\.value: 9223372036854775808 is not accepted/,
    },
    {
      rule: 'compares with 0 if there is no value',
      good: seccomp({ syscalls: [when({ index: 0, op: 'SCMP_CMP_EQ' })] }),
      bad: seccomp({ syscalls: [when({ index: 0, value: null, op: 'SCMP_CMP_EQ' })] }),
      says: /^spec\.syscalls\[0\]\.args\[0\]\.value: /,
    },
    {
      rule: 'has error numbers that libseccomp accepts',
      good: seccomp({ syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 4094 }] }),
      bad: seccomp({ syscalls: [{ names: ['read'], action: 'SCMP_ACT_ERRNO', errnoRet: 4095 }] }),
      says: /^spec\.syscalls\[0\]\.errnoRet: 4095 is above 4094, .* No container would start with it/,
    },
    {
      rule: 'has one result for the same conditions',
      good: seccomp({ syscalls: [when(isOne), when({ ...isOne, value: 2 }, 'SCMP_ACT_LOG')] }),
      bad: seccomp({ syscalls: [read, when(isOne), when(isOne, 'SCMP_ACT_LOG')] }),
      says: /^spec\.syscalls\[2\]: socket has the conditions of entry 1 with another result/,
    },
    {
      rule: 'has its listener in the directory of the operator',
      good: seccomp({ listenerPath: '/var/run/security-profiles-operator/agent.sock' }),
      bad: seccomp({ listenerPath: '/var/run/security-profiles-operator/..' }),
      says: /^spec\.listenerPath: "\/var\/run\/security-profiles-operator\/\.\." is not accepted\. listenerPath must be/,
    },
    {
      rule: 'has a listener for calls that one is to decide over',
      good: seccomp({ syscalls: [notify], listenerPath: '/var/run/security-profiles-operator/agent.sock' }),
      bad: seccomp({ syscalls: [read, notify] }),
      says: /^spec\.listenerPath: is missing, and spec\.syscalls\[1\]\.action is SCMP_ACT_NOTIFY\. Add the socket of the agent/,
    },
    {
      rule: 'is not its own base profile',
      good: seccomp({ baseProfileName: 'runc' }),
      bad: seccomp({ baseProfileName: 'nginx' }),
      says: /^spec\.baseProfileName: "nginx" is the profile itself/,
    },
    {
      rule: 'has a base profile whose name is possible',
      good: seccomp({ baseProfileName: 'runc-v1.4.2' }),
      bad: seccomp({ baseProfileName: 'operator/Runc.json' }),
      says: /^spec\.baseProfileName: "operator\/Runc\.json" can be the name of no SeccompProfile\. Write lower-case/,
    },
    {
      rule: 'has a base profile whose reference can be parsed',
      good: seccomp({ baseProfileName: `oci://ghcr.io/profiles/runc@sha256:${'a'.repeat(64)}` }),
      bad: seccomp({ baseProfileName: 'oci://runc:v1' }),
      says: /^spec\.baseProfileName: invalid reference "runc:v1": it names no registry/,
    },
    {
      rule: 'lets only allowedSyscalls happen',
      settings: security({ allowedSyscalls: ['read'] }),
      good: seccomp({ syscalls: [read, { names: ['ptrace'], action: 'SCMP_ACT_KILL' }] }),
      bad: seccomp({ syscalls: [read, { names: ['read', 'ptrace'], action: 'SCMP_ACT_TRACE' }] }),
      says: /^spec\.syscalls\[1\]\.names\[1\]: "ptrace" is not among allowedSyscalls \(spec\.security of/,
    },
    {
      rule: 'denies by default if there are allowedSyscalls',
      settings: security({ allowedSyscalls: ['read'] }),
      good: seccomp(),
      bad: seccomp({ defaultAction: 'SCMP_ACT_LOG' }),
      says: /^spec\.defaultAction: SCMP_ACT_LOG lets every syscall happen/,
    },
    {
      rule: 'uses only allowedSeccompActions: what it does not list is not free, but refused',
      settings: security({ allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_LOG'] }),
      good: seccomp({ syscalls: [{ ...read, action: 'SCMP_ACT_LOG' }] }),
      bad: seccomp({ syscalls: [read] }),
      says: /^spec\.syscalls\[0\]\.action: SCMP_ACT_ALLOW is not among allowedSeccompActions .* Use one of SCMP_ACT_LOG,/,
    },
  ]);

  it('ignores allowedSeccompActions without allowedSyscalls, as the Security Profiles Operator does', () => {
    const settings = security({ allowedSeccompActions: ['SCMP_ACT_LOG'] });
    assert.deepEqual(validated(profileObject('SeccompProfile', seccomp()), settings).violations, []);
  });

  it('warns as lint does, in fields of the object', () => {
    const spec = seccomp({ syscalls: [{ names: ['reed'], action: 'SCMP_ACT_ALLOW' }], surprise: 1 });
    const { violations, warnings } = validated(profileObject('SeccompProfile', spec));
    assert.deepEqual(violations, []);
    assert.match(warnings.join('\n'), /^spec\.surprise: unknown field, which is ignored$/m);
    assert.match(
      warnings.join('\n'),
      /^spec\.syscalls\[0\]\.names\[0\]: "reed" is not a syscall.*did you mean read\?/m,
    );
    assert.match(warnings.join('\n'), /^spec\.syscalls: no container starts under runc, which needs /m);
    const based = validated(profileObject('SeccompProfile', { ...spec, baseProfileName: 'runc' }));
    assert.doesNotMatch(based.warnings.join('\n'), /no container starts/, 'what the base adds is not known');
  });

  it('warns of calls that runc hands to no listener', () => {
    const listenerPath = '/var/run/security-profiles-operator/agent.sock';
    const spec = { defaultAction: 'SCMP_ACT_NOTIFY', syscalls: [notify], listenerPath };
    const { violations, warnings } = validated(profileObject('SeccompProfile', spec));
    assert.deepEqual(violations, []);
    assert.match(warnings.join('\n'), /^spec\.defaultAction: runc refuses SCMP_ACT_NOTIFY as the default action$/m);
    assert.match(warnings.join('\n'), /^spec\.syscalls\[0\]\.names\[1\]: runc refuses SCMP_ACT_NOTIFY for write$/m);
  });

  it('warns of what some runtimes refuse, and of a base profile by tag', () => {
    const spec = seccomp({ syscalls: [{ ...read, errnoRet: 1 }], baseProfileName: 'oci://ghcr.io/profiles/runc:v1' });
    const { violations, warnings } = validated(profileObject('SeccompProfile', spec));
    assert.deepEqual(violations, []);
    assert.match(warnings.join('\n'), /^spec\.baseProfileName: a tag can be moved/m);
    assert.match(
      warnings.join('\n'),
      /^spec\.syscalls\[0\]\.errnoRet: some runtimes refuse it: SCMP_ACT_ALLOW returns/m,
    );
  });
});
