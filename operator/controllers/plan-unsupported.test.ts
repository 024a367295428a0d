import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UnsupportedKind } from '../validate/not-supported.ts';
import { validateSecurityProfilesOperatorDaemon } from '../validate/securityprofilesoperatordaemon.ts';
import { describeViolation } from '../validate/verdict.ts';
import { parseUnsupported, planUnsupported } from './plan-unsupported.ts';

const now = new Date('2026-11-01T12:00:00Z');
const objectOf = (
  kind: UnsupportedKind,
  more: { readonly spec?: unknown; readonly metadata?: object; readonly status?: unknown } = {},
) => ({
  kind,
  metadata: { name: 'spod', namespace: 'fairlead-system', generation: 2, resourceVersion: '1', ...more.metadata },
  ...('spec' in more && { spec: more.spec }),
  ...('status' in more && { status: more.status }),
});
const plan = (object: unknown, at = now) => planUnsupported(parseUnsupported(object), at);
const conditionOf = (object: unknown, type: string) =>
  plan(object).status?.conditions?.find((condition) => condition.type === type);

describe('planUnsupported', () => {
  it('says that recordings and bindings have no effect, once', () => {
    for (const kind of ['ProfileRecording', 'ProfileBinding'] as const) {
      const { conditions = [] } = plan(objectOf(kind)).status ?? {};
      assert.deepEqual(
        conditions.map(({ type }) => type),
        ['NotSupported', 'Valid'],
      );
      assert.equal(conditions[0]?.status, 'True');
      const later = new Date(now.getTime() + 60_000);
      assert.deepEqual(plan(objectOf(kind, { status: { conditions } }), later).status, { conditions });
    }
  });

  it('says that a binding to a SeccompProfile decides on pods', () => {
    const profileRef = { kind: 'SeccompProfile', name: 'web' };
    const [condition] = plan(objectOf('ProfileBinding', { spec: { profileRef, image: '*' } })).status?.conditions ?? [];
    assert.equal(`${condition?.type} ${condition?.status} ${condition?.reason}`, 'NotSupported False Supported');
  });

  it('names the settings of the daemon that have no effect, and no others', () => {
    const spec = {
      verbosity: 2,
      enableAppArmor: false,
      enableProfiling: true,
      selinux: { enable: true, enableRawSelinuxProfiles: false, typeTag: 'spc_t', options: { allowedTypes: ['a'] } },
      enricher: { enableLogEnricher: true, enableJsonEnricher: false, logEnricherFilters: '' },
      scheduling: { tolerations: [], priorityClassName: 'system-node-critical' },
      security: { allowedSyscalls: ['read'], allowedIdentityRegexp: '^ci@', allowedOidcIssuerRegexp: '.*' },
      webhook: { options: [{ name: 'binding.spo.io' }] },
    };
    const [condition] = plan(objectOf('SecurityProfilesOperatorDaemon', { spec })).status?.conditions ?? [];
    assert.equal(condition?.status, 'True');
    assert.equal(condition?.reason, 'NoNodeAgent');
    assert.equal(
      condition?.message.split(': ')[1],
      'spec.enableProfiling, spec.enricher.enableLogEnricher, spec.selinux.enable, spec.verbosity, spec.webhook.options. ' +
        'The trust policy of the operator decides who may sign base profiles. ' +
        'It is not changed by spec.security.allowedIdentityRegexp.',
    );
  });

  it('says that the trust policy decides over signers, whatever the daemon says', () => {
    for (const name of [
      'allowedIdentityRegexp',
      'allowedOidcIssuerRegexp',
      'disableOciArtifactSignatureVerification',
    ]) {
      const spec = { security: { [name]: name.endsWith('Regexp') ? '^ci@' : true } };
      const [condition] = plan(objectOf('SecurityProfilesOperatorDaemon', { spec })).status?.conditions ?? [];
      assert.deepEqual([condition?.status, condition?.reason], ['True', 'TrustPolicyDecides']);
      assert.match(
        condition?.message ?? '',
        new RegExp(`trust policy.* It is not changed by spec\\.security\\.${name}\\.$`),
      );
    }
  });

  it('says so if all settings are in force', () => {
    for (const spec of [undefined, null, {}, { security: { allowedSyscalls: ['read'] }, selinux: {} }]) {
      const [condition] = plan(objectOf('SecurityProfilesOperatorDaemon', { spec })).status?.conditions ?? [];
      assert.equal(`${condition?.type} ${condition?.status}`, 'NotSupported False', JSON.stringify(spec));
    }
  });

  it('names the fields of a stored object that admission would refuse', () => {
    const spec = {
      security: { allowedIdentityRegexp: '(', allowedSyscalls: ['read'] },
      selinux: { typeTag: '9' },
      enricher: { jsonEnricherOptions: { auditLogPath: 'audit.log' } },
    };
    const { violations } = validateSecurityProfilesOperatorDaemon({ spec });
    assert.equal(violations.length, 3);
    const condition = conditionOf(objectOf('SecurityProfilesOperatorDaemon', { spec }), 'Valid');
    assert.deepEqual([condition?.status, condition?.reason, condition?.observedGeneration], ['False', 'Invalid', 2]);
    assert.equal(condition?.message, violations.map(describeViolation).join(' '));
    const unreadable = { security: { allowedSyscalls: 'read' } };
    const structural = conditionOf(objectOf('SecurityProfilesOperatorDaemon', { spec: unreadable }), 'Valid');
    assert.match(structural?.message ?? '', /^spec\.security\.allowedSyscalls: /);
    const recording = { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {}, containers: ['A'] };
    const { message } = conditionOf(objectOf('ProfileRecording', { spec: recording }), 'Valid') ?? {};
    assert.match(message ?? '', /^spec\.containers\[0\]: "A"/);
  });

  it('says that an object is valid, also when it was corrected', () => {
    for (const spec of [undefined, null, {}, { verbosity: 2 }]) {
      const condition = conditionOf(objectOf('SecurityProfilesOperatorDaemon', { spec }), 'Valid');
      assert.equal(`${condition?.status} ${condition?.reason}`, 'True Valid', JSON.stringify(spec));
    }
    const { status } = plan(objectOf('SecurityProfilesOperatorDaemon', { spec: { verbosity: 'loud' } }));
    const corrected = conditionOf(objectOf('SecurityProfilesOperatorDaemon', { spec: {}, status }), 'Valid');
    assert.equal(corrected?.status, 'True');
  });

  it('keeps the conditions of others, and the time while the status is the same', () => {
    const of = (type: string, status: 'True' | 'False') => ({
      type,
      status,
      reason: 'Old',
      message: 'old',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    const conditions = [of('Ready', 'True'), of('NotSupported', 'True')];
    const changed = plan(objectOf('ProfileRecording', { status: { conditions } })).status?.conditions ?? [];
    assert.deepEqual(
      changed.find(({ type }) => type === 'Ready'),
      conditions[0],
    );
    assert.equal(changed.find(({ type }) => type === 'NotSupported')?.lastTransitionTime, '2026-01-01T00:00:00Z');
  });

  it('removes the finalizers of an operator that is gone from what is deleted, and only from that', () => {
    const finalizers = ['active-workload-lock', 'example.com/own', 'spo.x-k8s.io/has-unmerged-profiles'];
    const deleted = { finalizers, deletionTimestamp: '2026-11-01T11:00:00Z' };
    assert.deepEqual(plan(objectOf('ProfileBinding', { metadata: deleted })), { finalizers: ['example.com/own'] });
    assert.equal(plan(objectOf('ProfileBinding', { metadata: { finalizers } })).finalizers, undefined);
    const others = { ...deleted, finalizers: ['example.com/own'] };
    assert.deepEqual(plan(objectOf('ProfileBinding', { metadata: others })), {});
  });

  it('reads an object whatever its status is', () => {
    for (const status of [null, 7, { conditions: 'x' }, { conditions: [{ type: 1 }] }])
      assert.equal(
        plan(objectOf('ProfileRecording', { status })).status?.conditions?.length,
        2,
        JSON.stringify(status),
      );
  });
});
