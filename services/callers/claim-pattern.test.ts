import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { matchesClaim } from './claim-pattern.ts';

const alphabet = fc.constantFrom('a', 'b', '/', ':', '.', '\u{1f600}');
const text = fc.string({ unit: alphabet, maxLength: 12 });
const pattern = fc.string({ unit: fc.oneof(alphabet, fc.constantFrom('*', '**')), maxLength: 8 });

describe('matchesClaim', () => {
  it('matches as the same pattern written as a regular expression', () => {
    fc.assert(
      fc.property(pattern, text, (pattern, text) => {
        const parts = pattern.match(/\*\*|[^*]|\*/gsu) ?? [];
        const written = parts.map((part) =>
          part === '**' ? '.*' : part === '*' ? '[^/:]*' : `\\u{${part.codePointAt(0)?.toString(16)}}`,
        );
        assert.equal(matchesClaim(pattern, text), new RegExp(`^${written.join('')}$`, 'su').test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('separates the parts of a subject', () => {
    const own = 'repo:example/*:ref:refs/heads/main';
    assert.ok(matchesClaim(own, 'repo:example/app:ref:refs/heads/main'));
    for (const subject of [
      'repo:example/app:environment:x:ref:refs/heads/main',
      'repo:example/app/x:ref:refs/heads/main',
      'repo:example/app:ref:refs/heads/main2',
      'xrepo:example/app:ref:refs/heads/main',
      'repo:other/app:ref:refs/heads/main',
    ]) {
      assert.ok(!matchesClaim(own, subject), subject);
    }
    assert.ok(matchesClaim('refs/heads/**', 'refs/heads/feature/x'));
    assert.ok(!matchesClaim('refs/heads/*', 'refs/heads/feature/x'));
  });

  it('takes little time for any pattern', () => {
    const began = performance.now();
    assert.ok(!matchesClaim(`${'**a'.repeat(300)}b`, 'a'.repeat(4000)));
    assert.ok(performance.now() - began < 5000);
  });
});
