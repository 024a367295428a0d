import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { signer } from '#test/support/publication';
import { objectPolicy } from './object-policy.ts';
import { type PolicyOutcome, parseStoredTrustPolicy, planTrustPolicy } from './plan-trust-policy.ts';

const key = signer.key.publicKey.key.export({ type: 'spki', format: 'pem' }).toString();
const policy = await objectPolicy({ rules: [{ match: 'registry.example.com/**', require: [{ key }] }] });
const object = parseStoredTrustPolicy({
  metadata: { name: 'default', resourceVersion: '1', generation: 3 },
  spec: {},
  status: { revision: 'old' },
});

function planned(outcome: PolicyOutcome) {
  const { revision, observedGeneration, conditions } = planTrustPolicy(object, outcome, new Date(0));
  assert.equal(observedGeneration, 3);
  const [ready] = conditions;
  return { revision, ready: `${ready?.status} ${ready?.reason}: ${ready?.message}` };
}

describe('planTrustPolicy', () => {
  it('reports the revision in force', () => {
    assert.deepEqual(planned({ policy }), { revision: policy.revision, ready: 'True InForce: 1 rule is in force' });
  });

  it('reports why the object is not in force, and what is', () => {
    const error = new FairleadError('InvalidInput', 'spec.rules[0].match: invalid', { hint: 'Correct it.' });
    assert.deepEqual(planned({ error, before: policy }), {
      revision: policy.revision,
      ready: 'False Invalid: spec.rules[0].match: invalid. Correct it. The policy before it stays in force.',
    });
    assert.deepEqual(planned({ error, before: undefined }), {
      revision: undefined,
      ready: 'False Invalid: spec.rules[0].match: invalid. Correct it. No artifact is allowed meanwhile.',
    });
  });

  it('reports an object that is not used', () => {
    assert.match(planned('file').ready, /^False NotUsed: .*file of a trust policy/);
    assert.match(planned('other name').ready, /^False NotUsed: .*named default/);
  });
});
