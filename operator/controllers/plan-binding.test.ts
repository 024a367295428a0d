import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { noCoverage } from '../coverage/binding-coverage.ts';
import { type BindingFacts, planBinding } from './plan-binding.ts';

const now = new Date('2026-12-01T10:00:00Z');
const facts: BindingFacts = { generation: 1, profile: 'oci/x', source: 'artifact', coverage: noCoverage };

describe('planBinding', () => {
  const ready = (more: Partial<BindingFacts>) => {
    const [{ status, reason, message } = assert.fail()] = planBinding({ ...facts, ...more }, {}, now).conditions ?? [];
    return [status, reason, message];
  };

  it('is ready if new pods get the profile, and states what the operator does not verify', () => {
    assert.deepEqual(ready({}), ['True', 'Bound', 'New pods that it selects get its profile.']);
    assert.match(
      ready({ source: 'reference' })[2] ?? '',
      /The operator does not verify the artifact of spec\.reference.*artifactRef/,
    );
    assert.match(ready({ source: 'image' })[2] ?? '', /whose image has no verified profile are refused/);
  });

  it('is not ready because of other bindings, with what they specify', () => {
    assert.deepEqual(ready({ conflict: 'two bindings differ' }), ['False', 'Conflict', 'two bindings differ']);
    const conflicts = [{ pod: 'web/nginx', message: 'two bindings differ' }];
    assert.deepEqual(ready({ coverage: { ...noCoverage, conflicts } }).slice(0, 2), ['False', 'Conflict']);
    assert.deepEqual(ready({ problem: 'no profile', conflict: 'two bindings differ' })[1], 'ProfileNotReady');
  });
});
