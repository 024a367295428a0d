import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePinned } from './pinned-reference.ts';
import { formatReference } from './reference.ts';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('a pinned reference', () => {
  it('has a digest, and keeps the tag that it was written with', () => {
    const text = `registry.example.com:5000/security/nginx:1.27@${digest}`;
    const reference = parsePinned(text);
    assert.equal(reference.digest, digest);
    assert.equal(formatReference(reference), text);
  });

  it('is refused without a digest, and as every other reference', () => {
    const unpinned = { kind: 'InvalidInput', message: /"a\.b\/c:1" is not pinned to a digest/, hint: /@sha256/ };
    assert.throws(() => parsePinned('a.b/c:1'), unpinned);
    assert.throws(() => parsePinned(`nginx@${digest}`), { kind: 'InvalidInput' });
    assert.throws(() => parsePinned('a.b/c@sha256:ab'), { kind: 'InvalidInput' });
  });
});
