import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holds, profileObject, validated } from '#test/support/profile-object';

const files = (...readOnlyPaths: string[]) => ({ abstract: { filesystem: { readOnlyPaths } } });

describe('the validation of an AppArmorProfile', () => {
  holds('AppArmorProfile', [
    {
      rule: 'has a name that the policy can have',
      good: files('/etc/**'),
      bad: files('/etc/**'),
      names: { good: 'web-1.example', bad: 'unconfined' },
      says: /^metadata\.name: the AppArmor profile name unconfined belongs to the kernel or a runtime/,
    },
    {
      rule: 'has a name that is short enough',
      good: files('/etc/**'),
      bad: files('/etc/**'),
      names: { good: 'a'.repeat(128), bad: 'a'.repeat(129) },
      says: /^metadata\.name: invalid name "a+…?" for an AppArmor profile\. Use at most 128/,
    },
    {
      rule: 'has rules',
      good: { abstract: {} },
      bad: { mode: 'Enforce' },
      says: /^spec: needs "abstract"/,
    },
    {
      rule: 'knows the modes',
      good: { ...files('/etc/**'), mode: 'Complain' },
      bad: { ...files('/etc/**'), mode: 'complain' },
      says: /^spec\.mode: unknown value "complain": did you mean Complain\? Use one of Enforce, Complain/,
    },
    {
      rule: 'may be disabled',
      good: { ...files('/etc/**'), state: 'Disabled' },
      bad: { ...files('/etc/**'), state: 'Off' },
      says: /^spec\.state: unknown value "Off"/,
    },
    {
      rule: 'has absolute paths',
      good: files('/etc/nginx/*.conf', '@{PROC}/@{pid}/stat'),
      bad: files('etc/nginx'),
      says: /^spec\.abstract\.filesystem\.readOnlyPaths\[0\]: "etc\/nginx": must be absolute/,
    },
    {
      rule: 'has no empty path, which would be a rule without one',
      good: files(),
      bad: files('/etc/**', ''),
      says: /^spec\.abstract\.filesystem\.readOnlyPaths\[1\]: "": must not be empty/,
    },
    {
      rule: 'has no path that leads upwards, in any list',
      good: files('/etc/..conf'),
      bad: files('/var/../etc/shadow'),
      says: /"\/var\/\.\.\/etc\/shadow": must not contain "\." or "\.\."/,
    },
    {
      rule: 'has no rule in place of a path',
      good: files('/ptrace (x)'),
      bad: files('ptrace (trace), # x'),
      says: /"ptrace \(trace\), # x": must be absolute.*\. Remove it: rules of AppArmor cannot be written as paths/,
    },
    {
      rule: 'has no path that leaves its quotes, and may have alternatives and classes',
      good: files('/etc/{nginx,ssl}/[a-z]*, x'),
      bad: files('/etc/"x'),
      says: /must not contain a double quote/,
    },
    {
      rule: 'has no line break in a path',
      good: files('/etc/x'),
      bad: files('/etc/x\n/** rwx,'),
      says: /must not contain the control character U\+000A/,
    },
    {
      rule: 'has executables of the same form',
      good: { abstract: { executable: { allowedExecutables: ['/usr/bin/nginx'] } } },
      bad: { abstract: { executable: { allowedExecutables: ['/usr/bin/../sbin/nginx'] } } },
      says: /^spec\.abstract\.executable\.allowedExecutables\[0\]: /,
    },
    {
      rule: 'has libraries of the same form',
      good: { abstract: { executable: { allowedLibraries: ['/usr/lib/**.so*'] } } },
      bad: { abstract: { executable: { allowedLibraries: ['lib.so'] } } },
      says: /^spec\.abstract\.executable\.allowedLibraries\[0\]: /,
    },
    {
      rule: 'knows the capabilities',
      good: { abstract: { capability: { allowedCapabilities: ['net_bind_service'] } } },
      bad: { abstract: { capability: { allowedCapabilities: ['CAP_NET_BIND_SERVICE'] } } },
      says: /^spec\.abstract\.capability\.allowedCapabilities\[0\]: unknown capability .*did you mean net_bind_service\?/,
    },
    {
      rule: 'compiles in seconds',
      good: files('/a/**/b'),
      bad: files('/**a??????????????'),
      says: /^spec\.abstract: path .*apparmor_parser would take minutes/,
    },
  ]);

  it('takes a section that is not there for an empty one', () => {
    const warningsOf = (abstract: object) => validated(profileObject('AppArmorProfile', { abstract })).warnings;
    assert.deepEqual(warningsOf({}), [
      'spec.abstract.executable.allowedExecutables: no program may be executed except the one that the runtime starts in the container',
    ]);
    assert.deepEqual(warningsOf({}), warningsOf({ executable: {}, filesystem: {}, network: {}, capability: {} }));
  });
});
