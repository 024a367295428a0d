import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { refusalOf } from './refusal-of.ts';

describe('refusalOf', () => {
  it('names what is set in the object', () => {
    const hint = 'Set `kind` to AppArmor, or name another artifact.';
    assert.deepEqual(refusalOf(new FairleadError('ProfileInvalid', 'it is of kind AppArmor', { hint }), 'sha256:a'), {
      digest: 'sha256:a',
      reason: 'ProfileInvalid',
      message: 'it is of kind AppArmor. Set spec.kind to AppArmor, or name another artifact.',
      isDecision: true,
    });
  });

  it('returns a sentence without a hint', () => {
    assert.equal(refusalOf(new FairleadError('Conflict', 'it has changed')).message, 'it has changed.');
    assert.equal(refusalOf(new FairleadError('Conflict', 'The server: Wait.')).message, 'The server: Wait.');
  });
});
