import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { validateProfileArtifact } from './profileartifact.ts';
import { describeViolation } from './verdict.ts';

describe('validateProfileArtifact', () => {
  it('explains an invalid digest, in sentences with one full stop', () => {
    const object = { spec: { reference: 'registry.example.com/a@sha256:abc' } };
    const { violations } = validateProfileArtifact(object);
    const [text = ''] = violations.map(describeViolation);
    assert.match(text, /64 lower-case hex digits\.$/);
    assert.doesNotMatch(text, /\.\./);
  });
});
