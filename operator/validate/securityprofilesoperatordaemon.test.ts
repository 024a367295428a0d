import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holds, profileObject, validated } from '#test/support/profile-object';
import { patternFault } from './identity-pattern.ts';

const kind = 'SecurityProfilesOperatorDaemon';
const filter = { priority: 1, level: 'Metadata', matchKeys: ['namespace'] };
const filters = (list: unknown) => ({ enricher: { logEnricherFilters: JSON.stringify(list) } });
const identity = (allowedIdentityRegexp: string) => ({ security: { allowedIdentityRegexp } });
const resources = (daemonResourceRequirements: object) => ({ daemonResourceRequirements });

describe('the validation of a SecurityProfilesOperatorDaemon', () => {
  holds(kind, [
    {
      rule: 'has the path of a proc file system',
      good: { hostProcVolumePath: '/proc/host' },
      bad: { hostProcVolumePath: '/proc/../etc' },
      says: /^spec\.hostProcVolumePath: "\/proc\/\.\.\/etc" is not accepted\. hostProcVolumePath must be \/proc/,
    },
    {
      rule: 'has no negative verbosity',
      good: { verbosity: 0 },
      bad: { verbosity: -1 },
      says: /^spec\.verbosity: -1 is too small/,
    },
    {
      rule: 'has a type for its pods',
      good: { selinux: { typeTag: 'spc_t' } },
      bad: { selinux: { typeTag: 'spc_t)' } },
      says: /^spec\.selinux\.typeTag: "spc_t\)" is not a valid name in CIL/,
    },
    {
      rule: 'allows and denies what can be in a policy',
      good: { selinux: { options: { deniedTypes: ['var_log_t'], allowedClasses: ['capability'] } } },
      bad: { selinux: { options: { allowedPermissions: ['read', 'all'] } } },
      says: /^spec\.selinux\.options\.allowedPermissions\[1\]: "all" is an operator/,
    },
    {
      rule: 'names a ConfigMap that can exist',
      good: { selinux: { customTemplatesConfigMap: 'templates' } },
      bad: { selinux: { customTemplatesConfigMap: 'Templates' } },
      says: /^spec\.selinux\.customTemplatesConfigMap: "Templates" is not accepted/,
    },
    {
      rule: 'allows only actions that let syscalls happen',
      good: { security: { allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_LOG'] } },
      bad: { security: { allowedSyscalls: ['read'], allowedSeccompActions: ['SCMP_ACT_ERRNO'] } },
      says: /^spec\.security\.allowedSeccompActions: a list of 1 is not accepted\. allowedSeccompActions may have only/,
    },
    {
      rule: 'has patterns of RE2',
      good: identity('^https://github\\.com/acme/(app|lib)/.*@refs/tags/v[0-9]+$'),
      bad: identity('(?!evil).*'),
      says: /^spec\.security\.allowedIdentityRegexp: .* is not a regular expression: .*Perl syntax.* Write a regular expression of RE2/,
    },
    {
      rule: 'has patterns that cost little',
      good: identity('a{100}'),
      bad: identity('((a{9}){1,1000})'),
      says: /repeats a part 1000 times, more than 100/,
    },
    {
      rule: 'has short patterns',
      good: identity('a'.repeat(1024)),
      bad: identity('a'.repeat(1025)),
      says: /has 1025 characters, more than 1024/,
    },
    {
      rule: 'has filters in JSON',
      good: { enricher: { logEnricherFilters: '' } },
      bad: { enricher: { jsonEnricherFilters: '[{' } },
      says: /^spec\.enricher\.jsonEnricherFilters: is not valid JSON: /,
    },
    {
      rule: 'has filters of the right shape',
      good: filters([filter, { priority: 2, level: 'None', matchKeys: ['executable'], matchValues: ['/bin/sh', 1] }]),
      bad: filters([{ ...filter, level: 'metadata' }]),
      says: /^spec\.enricher\.logEnricherFilters: \[0\]\.level: .* Write a list such as/,
    },
    {
      rule: 'has filters with keys, and nothing unknown',
      good: filters([filter]),
      bad: filters([{ priority: 1, level: 'None', matchkeys: ['pod'] }]),
      says: /\[0\]\.matchKeys: [\s\S]*matchkeys/,
    },
    {
      rule: 'writes its log to an absolute path',
      good: { enricher: { jsonEnricherOptions: { auditLogPath: '/var/log/audit.json' } } },
      bad: { enricher: { jsonEnricherOptions: { auditLogPath: '/var/log/../../etc/passwd' } } },
      says: /^spec\.enricher\.jsonEnricherOptions\.auditLogPath: .* is not the absolute path/,
    },
    {
      rule: 'changes webhooks that there are',
      good: { webhook: { options: [{ name: 'binding.spo.io', failurePolicy: 'Ignore' }] } },
      bad: { webhook: { options: [{ name: 'bindings.spo.io' }] } },
      says: /^spec\.webhook\.options\[0\]\.name: there is no webhook "bindings\.spo\.io": did you mean binding\.spo\.io\?/,
    },
    {
      rule: 'knows the failure policies',
      good: { webhook: { options: [{ name: 'recording.spo.io', failurePolicy: 'Fail' }] } },
      bad: { webhook: { options: [{ name: 'recording.spo.io', failurePolicy: 'ignore' }] } },
      says: /^spec\.webhook\.options\[0\]\.failurePolicy: "ignore" is not accepted\. failurePolicy must be Fail or Ignore/,
    },
    {
      rule: 'has quantities',
      good: resources({ limits: { cpu: '250m', memory: '128Mi' } }),
      bad: resources({ limits: { memory: '128 MB' } }),
      says: /^spec\.daemonResourceRequirements\.limits\.memory: "128 MB" is not accepted\. It must be a quantity/,
    },
    {
      rule: 'requests at most the limit, in whatever unit',
      good: resources({ limits: { cpu: 1, memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } }),
      bad: resources({ limits: { cpu: 1 }, requests: { cpu: '1100m' } }),
      says: /^spec\.daemonResourceRequirements\.requests\.cpu: "1100m" is more than the limit "1"/,
    },
    {
      rule: 'has no negative quantities',
      good: resources({ requests: { memory: '0' } }),
      bad: resources({ requests: { memory: '-1Mi' } }),
      says: /^spec\.daemonResourceRequirements\.requests\.memory: "-1Mi" is negative/,
    },
  ]);

  it('warns of settings that have no effect, and that the trust policy decides over signers', () => {
    const warningsOf = (spec: unknown) => validated(profileObject(kind, spec)).warnings;
    assert.deepEqual(warningsOf({ security: {}, selinux: { options: { deniedTypes: ['a_t'] } } }), []);
    const decides = 'has no effect: the trust policy of the operator decides who may sign base profiles';
    const security = {
      allowedIdentityRegexp: '^x$',
      allowedOidcIssuerRegexp: '^https://y$',
      disableOciArtifactSignatureVerification: true,
    };
    assert.deepEqual(warningsOf({ security, enricher: { enableLogEnricher: true } }), [
      'spec.enricher.enableLogEnricher: has no effect: this version of Fairlead runs nothing on the nodes',
      ...Object.keys(security).map((name) => `spec.security.${name}: ${decides}`),
    ]);
  });

  it('warns of names that nothing has', () => {
    const spec = {
      security: { allowedSyscalls: ['reed'] },
      selinux: { options: { allowedTypes: ['a_t'], deniedTypes: ['a_t'] } },
      ...filters([{ ...filter, matchKeys: ['nameSpace'] }, filter]),
    };
    assert.deepEqual(validated(profileObject(kind, spec)).warnings, [
      'spec.security.allowedSyscalls[0]: "reed" is a syscall of no architecture',
      'spec.selinux.options.allowedTypes[0]: a_t is in deniedTypes too, which decides',
      'spec.enricher.logEnricherFilters: [0]: no line has the key "nameSpace": did you mean namespace?',
      'spec.enricher.logEnricherFilters: [1] has the priority 1 of [0]: which of them decides is open',
      'spec.enricher.logEnricherFilters: has no effect: this version of Fairlead runs nothing on the nodes',
    ]);
  });

  it("warns that options of SPO's webhooks have no effect", () => {
    const spec = { webhook: { options: [{ name: 'binding.spo.io', failurePolicy: 'Ignore' }] } };
    assert.deepEqual(validated(profileObject(kind, spec)), {
      violations: [],
      warnings: [
        'spec.webhook.options[0].name: binding.spo.io is a webhook of the Security Profiles Operator, and its options ' +
          'have no effect: set failurePolicy and selectors in the webhook configurations fairlead-operator',
      ],
    });
  });

  it('accepts an object without settings', () => {
    assert.deepEqual(validated(profileObject(kind, undefined)).violations, []);
  });

  it('judges the most expensive patterns at once', () => {
    const patterns = [
      '(a{100}'.repeat(140) + ')'.repeat(140),
      '\\pL{100}'.repeat(120),
      '(?:a?){100}'.repeat(90),
      '[[:alpha:]]',
    ];
    const begin = performance.now();
    for (const pattern of patterns) patternFault(pattern);
    assert.ok(performance.now() - begin < 2_000);
  });
});
