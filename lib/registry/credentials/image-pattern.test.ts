import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closestPattern, matchesImage } from './image-pattern.ts';

describe('matchesImage', () => {
  const cases: [string, string, boolean][] = [
    ['*.dkr.ecr.*.amazonaws.com', '1.dkr.ecr.eu.amazonaws.com/a/b', true],
    ['*.dkr.ecr.*.amazonaws.com', 'dkr.ecr.eu.amazonaws.com/a', false],
    ['gcr.io', 'gcr.io/a', true],
    ['*.io', 'gcr.io/a', true],
    ['*.io', 'a.gcr.io/a', false],
    ['gcr.io/team', 'gcr.io/team/a', true],
    ['gcr.io/team', 'gcr.io/other', false],
    ['registry.io:8080', 'registry.io/a', false],
    ['registry.io:8080', 'registry.io:8080/a', true],
    ['registry.i?', 'registry.io/a', true],
    ['registryXio', 'registry.io/a', false],
    ['a*b*c.io', 'axxbyyc.io/a', true],
    ['a*b*c.io', 'axxcyyb.io/a', false],
    ['*a', 'b/a', false],
    ['**', 'b/a', true],
    ['[ab].io', 'a.io/a', false],
    ['https://gcr.io/team/', 'gcr.io/team/a', true],
  ];
  for (const [pattern, image, expected] of cases) {
    it(`${pattern} ${expected ? 'fits' : 'does not fit'} ${image}`, () =>
      assert.equal(matchesImage(pattern, image), expected));
  }
});

it('does not take long for any pattern', () => {
  const began = performance.now();
  assert.equal(matchesImage(`${'a*'.repeat(30)}b.io`, `${'a'.repeat(63)}.io/x`), false);
  assert(performance.now() - began < 500);
});

it('closestPattern takes the longer name first', () => {
  const patterns = ['a.io', '*.io', 'a.io/team', 'b.io'];
  assert.equal(closestPattern(patterns, 'a.io/team/x'), 'a.io/team');
  assert.equal(closestPattern(patterns, 'a.io/x'), 'a.io');
  assert.equal(closestPattern(patterns, 'c.io/x'), '*.io');
  assert.equal(closestPattern(patterns, 'c.org/x'), undefined);
});
