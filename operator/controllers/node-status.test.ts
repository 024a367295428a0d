import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseNodeStatus, reportKeys } from './node-status.ts';
import { profileId } from './profile-id.ts';

const status = (metadata: object, more: object = {}) =>
  parseNodeStatus({ metadata: { name: 'web-n1', ...metadata }, spec: { nodeName: 'n1' }, ...more });
const web = { kind: 'SeccompProfile', name: 'web' };

describe('parseNodeStatus', () => {
  it('finds the profile by its owner, and otherwise by its label', () => {
    const owned = status({
      ownerReferences: [{ ...web, uid: 'u' }],
      labels: { 'spo.x-k8s.io/profile-id': 'Other-web' },
    });
    const labelled = status({ labels: { 'spo.x-k8s.io/profile-id': 'SeccompProfile-web' } });
    for (const { about } of [owned, labelled])
      assert.ok(
        about.every((key) => reportKeys(web).includes(key)),
        about.join(),
      );
    const other = reportKeys({ kind: 'SelinuxProfile', name: 'web' });
    for (const { about } of [owned, labelled, status({})]) assert.ok(!about.some((key) => other.includes(key)));
  });

  it('is pending until the node reports something', () => {
    assert.equal(status({}).state, 'Pending');
    assert.equal(status({}, { status: {} }).state, 'Pending');
    assert.equal(status({}, { status: { status: 'Error' } }).state, 'Error');
    assert.throws(() => status({}, { status: { status: 'Fine' } }));
  });
});

describe('profileId', () => {
  it('has at most 63 characters, and differs for different profiles', () => {
    assert.equal(profileId('SeccompProfile', 'web'), 'SeccompProfile-web');
    const long = 'x'.repeat(60);
    assert.match(profileId('SeccompProfile', long), /^SeccompProfile-[0-9a-f]{48}$/);
    assert.notEqual(profileId('SeccompProfile', long), profileId('SeccompProfile', `${long}y`));
  });
});
