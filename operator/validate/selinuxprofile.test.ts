import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holds, profileObject, validated } from '#test/support/profile-object';
import { settingsOf } from './settings.ts';

const allow = (map: object) => ({ allow: map });
const withOptions = (options: object) => settingsOf({ spec: { selinux: { options } } } as never);

describe('the validation of a SelinuxProfile', () => {
  holds('SelinuxProfile', [
    {
      rule: 'has a name that a CIL block can have',
      good: {},
      bad: {},
      names: { good: 'web-1', bad: '1.web' },
      says: /^metadata\.name: "1\.web" is not a valid name in CIL/,
    },
    {
      rule: 'has not the name of a policy of the node',
      good: {},
      bad: {},
      names: { good: 'containers', bad: 'container' },
      says: /^metadata\.name: has the name of a system policy\. Choose another name/,
    },
    {
      rule: 'has types, classes and permissions that are names',
      good: allow({ var_log_t: { file: ['read'] }, '@self': { process: ['fork'] }, 'other.process': { fd: ['use'] } }),
      bad: allow({ 'var_log_t (x)': { file: ['read'] } }),
      says: /^spec\.allow: "var_log_t \(x\)" is not a valid name in CIL/,
    },
    {
      rule: 'has classes that are names',
      good: allow({ var_log_t: { sock_file: ['read'] } }),
      bad: allow({ var_log_t: { 'file ': ['read'] } }),
      says: /^spec\.allow\.var_log_t: "file " is not a valid name in CIL/,
    },
    {
      rule: 'has permissions that are no operators',
      good: allow({ var_log_t: { file: ['read'] } }),
      bad: allow({ var_log_t: { file: ['all'] } }),
      says: /^spec\.allow\.var_log_t\.file\[0\]: "all" is an operator of CIL/,
    },
    {
      rule: 'has no rules for the types of the node itself',
      good: allow({ var_log_t: { file: ['read'] } }),
      bad: allow({ shadow_t: { file: ['read'] } }),
      says: /^spec\.allow\.shadow_t: must not have rules for the type shadow_t\. The administrator can change this with selinux\.options\.allowedTypes/,
    },
    {
      rule: 'has rules for such types if the administrator allows it',
      settings: withOptions({ allowedTypes: ['shadow_t'], deniedTypes: ['var_log_t'] }),
      good: allow({ shadow_t: { file: ['read'] } }),
      bad: allow({ var_log_t: { file: ['read'] } }),
      says: /^spec\.allow\.var_log_t: must not have rules/,
    },
    {
      rule: 'has no capabilities by default',
      good: allow({ '@self': { process: ['fork'] } }),
      bad: allow({ '@self': { capability: ['chown'] } }),
      says: /^spec\.allow\.@self\.capability: must not have rules for the class capability/,
    },
    {
      rule: 'has no permissions to change the policy',
      good: allow({ var_log_t: { dir: ['search'] } }),
      bad: allow({ var_log_t: { dir: ['search', 'mounton'] } }),
      says: /^spec\.allow\.var_log_t\.dir: must not allow mounton/,
    },
    {
      rule: 'inherits only from allowed policies of the node',
      settings: withOptions({ allowedSystemProfiles: ['container'] }),
      good: {
        inherit: [
          { kind: 'System', name: 'container' },
          { kind: 'SelinuxProfile', name: 'base' },
        ],
      },
      bad: { inherit: [{ name: 'net_container' }] },
      says: /^spec\.inherit: must not inherit from the system policy net_container, only from container/,
    },
    {
      rule: 'does not inherit from itself',
      good: { inherit: [{ kind: 'SelinuxProfile', name: 'other' }] },
      bad: { inherit: [{ kind: 'SelinuxProfile', name: 'nginx' }] },
      says: /^spec\.inherit: no other SelinuxProfile nginx/,
    },
  ]);
});

const container = '(blockinherit container)\n';

describe('the validation of a RawSelinuxProfile', () => {
  holds('RawSelinuxProfile', [
    {
      rule: 'accepts what containers need, and blockinherit, as the examples of the Security Profiles Operator have it',
      good: { policy: `${container}(allow process var_log_t ( file ( open append getattr )))\n` },
      bad: { policy: '(allow process var_log_t (file (open)))\n' },
      says: /^spec\.policy: the policy inherits from no block, so it has no process\. Begin the policy with \(blockinherit container\)/,
    },
    {
      rule: 'refuses statements that reach outside, at their place',
      good: { policy: `${container}(type own_cache)` },
      bad: { policy: `${container}\n  (typepermissive init_t)` },
      says: /^spec\.policy: line 3, column 4: the statement "typepermissive" is not accepted: it would switch SELinux off/,
    },
    {
      rule: 'knows comments: a parenthesis in one closes nothing',
      good: { policy: `; :-)\n${container}` },
      bad: { policy: `; (\n)\n${container}` },
      says: /^spec\.policy: line 2, column 1: a "\)" without its "\("/,
    },
    {
      rule: 'refuses a string in place of a name',
      good: { policy: `${container}(allow process var_log_t (dir (read)))` },
      bad: { policy: `${container}(allow process "var_log_t" (dir (read)))` },
      says: /^spec\.policy: line 2, column 16: a name must be written without quotes/,
    },
    {
      rule: 'is not empty',
      good: { policy: container },
      bad: { policy: '' },
      says: /^spec\.policy: must not be empty/,
    },
    {
      rule: 'has at most 500,000 characters, and names the size',
      good: { policy: container.padEnd(500_000) },
      bad: { policy: container.padEnd(500_001) },
      says: /^spec\.policy: has 500001 characters, more than 500000/,
    },
    {
      rule: 'has the restrictions of a SelinuxProfile',
      good: { policy: `${container}(allow process var_log_t (file (read)))` },
      bad: { policy: `${container}(allow process shadow_t (file (read)))` },
      says: /^spec\.policy: must not have rules for the type shadow_t/,
    },
  ]);

  it('is refused where raw profiles are switched off; unset, they are on', () => {
    const object = profileObject('RawSelinuxProfile', { policy: container });
    const set = (enableRawSelinuxProfiles?: boolean) =>
      settingsOf({ spec: { selinux: { enableRawSelinuxProfiles } } } as never);
    assert.deepEqual(validated(object, set()).violations, []);
    assert.deepEqual(validated(object, set(true)).violations, []);
    assert.match(validated(object, set(false)).violations.join(), /^spec: raw SELinux profiles are switched off/);
  });
});
