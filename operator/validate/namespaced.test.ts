import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holds, profileObject, validated } from '#test/support/profile-object';

const profileRef = { kind: 'SeccompProfile', name: 'nginx' };
const binding = (more: object = {}) => ({ profileRef, image: 'nginx:1.27', ...more });

describe('the validation of a ProfileBinding', () => {
  holds('ProfileBinding', [
    {
      rule: 'names a profile of a kind that can be bound',
      good: binding({ profileRef: { kind: 'AppArmorProfile', name: 'web' } }),
      bad: binding({ profileRef: { kind: 'RawSelinuxProfile', name: 'web' } }),
      says: /^spec\.profileRef\.kind: unknown value "RawSelinuxProfile".* Use one of SeccompProfile, SelinuxProfile, App/,
    },
    {
      rule: 'names a profile that can exist',
      good: binding({ profileRef: { ...profileRef, name: 'runc-v1.4' } }),
      bad: binding({ profileRef: { ...profileRef, name: 'team/nginx' } }),
      says: /^spec\.profileRef\.name: "team\/nginx" is not accepted/,
    },
    {
      rule: 'names a profile whose name is short enough',
      good: binding({ profileRef: { ...profileRef, name: 'a'.repeat(253) } }),
      bad: binding({ profileRef: { ...profileRef, name: 'a'.repeat(254) } }),
      says: /^spec\.profileRef\.name: "a+…" can be the name of no profile/,
    },
    {
      rule: 'names an image',
      good: binding({ image: '*' }),
      bad: binding({ image: '' }),
      says: /^spec\.image: must not be empty/,
    },
    {
      rule: 'names an image that a container can have',
      good: binding({ image: 'registry.example.com/app@sha256:1' }),
      bad: binding({ image: 'nginx:1.27 ' }),
      says: /^spec\.image: "nginx:1\.27 " has a blank .* Write the image exactly as the pods do\.$/,
    },
    {
      rule: 'selects pods by labels that they can have',
      good: binding({ podSelector: { matchLabels: { app: 'nginx' } } }),
      bad: binding({ podSelector: { matchLabels: { app: 'a b' } } }),
      says: /^spec\.podSelector\.matchLabels: .*"a b" is not a valid label value/,
    },
    {
      rule: 'selects pods by complete expressions',
      good: binding({ podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } }),
      bad: binding({ podSelector: { matchExpressions: [{ key: 'app', operator: 'In' }] } }),
      says: /^spec\.podSelector\.matchExpressions\[0\]: .*In requires values/,
    },
  ]);

  it('warns of an image that looks like a pattern', () => {
    const { violations, warnings } = validated(profileObject('ProfileBinding', binding({ image: 'nginx:*' })));
    assert.deepEqual(violations, []);
    assert.match(warnings.join(), /^spec\.image: "nginx:\*" is the name of no image/);
  });
});

const podSelector = { matchLabels: { app: 'nginx' } };
const recording = (more: object = {}) => ({ kind: 'SeccompProfile', recorder: 'Bpf', podSelector, ...more });

describe('the validation of a ProfileRecording', () => {
  holds('ProfileRecording', [
    {
      rule: 'records SELinux from logs only',
      good: recording({ kind: 'SelinuxProfile', recorder: 'Logs' }),
      bad: recording({ kind: 'SelinuxProfile' }),
      says: /^spec\.recorder: "Bpf" is not accepted\. recorder must be Logs for a SelinuxProfile\.$/,
    },
    {
      rule: 'records AppArmor by eBPF only',
      good: recording({ kind: 'AppArmorProfile' }),
      bad: recording({ kind: 'AppArmorProfile', recorder: 'Logs' }),
      says: /^spec\.recorder: "Logs" is not accepted\. recorder must be Bpf for an AppArmorProfile\.$/,
    },
    {
      rule: 'records seccomp by either',
      good: recording({ recorder: 'Logs' }),
      bad: recording({ recorder: 'bpf' }),
      says: /^spec\.recorder: unknown value "bpf": did you mean Bpf\?/,
    },
    {
      rule: 'knows the kinds',
      good: recording(),
      bad: recording({ kind: 'ApparmorProfile' }),
      says: /^spec\.kind: unknown value "ApparmorProfile": did you mean AppArmorProfile\?/,
    },
    {
      rule: 'knows the strategies',
      good: recording({ mergeStrategy: 'Containers' }),
      bad: recording({ mergeStrategy: 'all' }),
      says: /^spec\.mergeStrategy: unknown value "all"/,
    },
    {
      rule: 'requires a selector',
      good: recording({ podSelector: {} }),
      bad: { kind: 'SeccompProfile', recorder: 'Bpf' },
      says: /^spec\.podSelector: is missing/,
    },
    {
      rule: 'names containers that can exist',
      good: recording({ containers: ['app', 'side-car'] }),
      bad: recording({ containers: ['app', 'Side_car'] }),
      says: /^spec\.containers\[1\]: "Side_car" can be the name of no container/,
    },
    {
      rule: 'has a name that fits into a label',
      good: recording(),
      bad: recording(),
      names: { good: 'a'.repeat(63), bad: 'a'.repeat(64) },
      says: /^metadata\.name: has 64 characters/,
    },
    {
      rule: 'begins the name of an SELinux profile with a letter',
      good: recording({ kind: 'SelinuxProfile', recorder: 'Logs' }),
      bad: recording({ kind: 'SelinuxProfile', recorder: 'Logs' }),
      names: { good: 'r-1', bad: '1-r' },
      says: /^metadata\.name: "1-r" begins the names of SELinux policies/,
    },
  ]);

  it('warns that it has no effect, as a binding to other profiles than SeccompProfiles has none', () => {
    const found = (kind: string, spec: object) => validated(profileObject(kind, spec)).warnings;
    assert.deepEqual(found('ProfileRecording', recording()), [
      'spec: has no effect: this version of Fairlead records no profiles',
    ]);
    assert.deepEqual(found('ProfileBinding', binding()), []);
    assert.deepEqual(found('ProfileBinding', binding({ profileRef: { kind: 'SelinuxProfile', name: 'a' } })), [
      'spec.profileRef.kind: has no effect: this version of Fairlead binds pods to SeccompProfiles and artifacts only',
    ]);
  });

  it('warns of a selector for every pod', () => {
    const { warnings } = validated(profileObject('ProfileRecording', recording({ podSelector: {} })));
    assert.equal(warnings[0], 'spec.podSelector: is empty: every pod of the namespace is recorded');
  });
});

describe('the validation of a SecurityProfileNodeStatus', () => {
  holds('SecurityProfileNodeStatus', [
    {
      rule: 'names a node',
      good: { nodeName: 'ip-10-0-0-1.example.internal' },
      bad: { nodeName: '' },
      says: /^spec\.nodeName: must not be empty/,
    },
    {
      rule: 'names a node that can exist',
      good: { nodeName: 'node-1' },
      bad: { nodeName: '../node' },
      says: /^spec\.nodeName: "\.\.\/node" can be the name of no node/,
    },
  ]);
});
