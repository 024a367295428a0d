import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { differingParts } from './differing-parts.ts';

describe('differingParts', () => {
  it('leaves out what both have in common', () => {
    for (const [pattern, repository, rule, asked] of [
      [
        'ghcr.io/acme/profiles/**',
        'registry.example.com/security/nginx',
        'ghcr.io/acme/profiles',
        'registry.example.com/security',
      ],
      ['registry.example.com/other/**', 'registry.example.com/security/nginx', 'other', 'security'],
      ['registry.example.com/nginx', 'registry.example.com/httpd', 'nginx', 'httpd'],
    ] as const) {
      const parts = differingParts(pattern, repository);
      assert.deepEqual([parts.rule.marked, parts.asked.marked], [rule, asked]);
    }
  });

  it('loses nothing of either', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', '*', '**', 'c.io'), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join('/'));
    fc.assert(
      fc.property(path, path, (pattern, repository) => {
        const { rule, asked } = differingParts(pattern, repository);
        assert.equal(rule.before + rule.marked + rule.after, pattern);
        assert.equal(asked.before + asked.marked + asked.after, repository);
        assert.ok(rule.marked !== '' && asked.marked !== '');
      }),
    );
  });
});
