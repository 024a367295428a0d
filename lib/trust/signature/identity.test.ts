import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fits } from './identity.ts';

describe('an expected identity', () => {
  it('that is exact matches only itself, stars and dots included', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        assert.equal(fits(one, { exact: one }), true);
        assert.equal(fits(other, { exact: one }), one === other);
      }),
    );
    assert.equal(fits('a1', { exact: 'a*' }), false);
    assert.equal(fits('axb', { exact: 'a.b' }), false);
  });

  for (const [pattern, inside, outside] of [
    [
      'https://github.com/acme/profiles/.github/workflows/*.yml@refs/tags/*',
      ['https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1'],
      [
        'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/heads/main',
        'https://github.com/acme/profiles/.github/workflows/a/b.yml@refs/tags/v1',
        'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1/x',
        'https://github.com/acme/profiles.evil/.github/workflows/publish.yml@refs/tags/v1',
        'https://evil.org/https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1',
        'https://githubxcom/acme/profiles/.github/workflows/publish.yml@refs/tags/v1',
      ],
    ],
    ['*@acme.com', ['me@acme.com', '@acme.com'], ['me@acme.com.evil.org', 'a/me@acme.com', 'me@acmexcom']],
    [
      'https://github.com/acme/**',
      ['https://github.com/acme/a/b', 'https://github.com/acme/'],
      ['https://github.com/acme', 'https://github.com/acmex/a'],
    ],
    ['a**b*c', ['abc', 'a/x/bxc', 'abbc'], ['abxx/c', 'ab', 'xabc', 'abcx']],
  ] as const) {
    it(`by pattern ${pattern} matches the whole text`, () => {
      for (const text of inside) assert.equal(fits(text, { pattern }), true, text);
      for (const text of outside) assert.equal(fits(text, { pattern }), false, text);
    });
  }

  it('by pattern agrees with the equivalent regular expression', () => {
    const pieces = fc.array(fc.constantFrom('a', 'b', '/', '*', '**'), { maxLength: 6 });
    fc.assert(
      fc.property(pieces, fc.stringMatching(/^[ab/]{0,8}$/), (parts, text) => {
        const pattern = parts.join('');
        const source = pattern.replaceAll(/\*{1,2}/g, (star) => (star === '**' ? '.*' : '[^/]*'));
        assert.equal(fits(text, { pattern }), new RegExp(`^${source}$`, 's').test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it('matches a long identity against many stars without backtracking', () => {
    const start = performance.now();
    assert.equal(fits('a'.repeat(2000), { pattern: `${'**a'.repeat(60)}b` }), false);
    assert.ok(performance.now() - start < 1000);
  });
});
