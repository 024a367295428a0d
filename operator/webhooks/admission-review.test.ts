import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerOutcome } from './admission-review.ts';

describe('answerOutcome', () => {
  it('admits what is reported, with an annotation in the audit log, and a warning if there is one', () => {
    const report = 'container "app" (Unset)';
    const audited = { uid: 'u-1', allowed: true, auditAnnotations: { uncovered: report } };
    assert.deepEqual(answerOutcome('u-1', { outcome: 'reported', report }).response, audited);
    const warned = answerOutcome('u-1', { outcome: 'reported', report, warning: 'beware' });
    assert.deepEqual(warned.response, { ...audited, warnings: ['beware'] });
  });

  it('refuses with one full stop between the reason and the next step', () => {
    for (const reason of ['spec: a digest has 64 hex digits', 'spec: a digest has 64 hex digits.']) {
      const { status } = answerOutcome('u-1', { outcome: 'refused', reason, hint: 'Correct it.' }).response;
      assert.equal(status?.message, 'spec: a digest has 64 hex digits. Correct it.');
    }
  });
});
