import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { closest } from './closest.ts';

describe('closest', () => {
  for (const [written, candidates, expected] of [
    ['arg', ['action', 'args', 'names'], 'args'],
    ['ARGS', ['args'], 'args'],
    ['nams', ['names', 'name'], 'names'],
    ['atcion', ['action'], 'action'],
    ['aktons', ['action'], undefined],
    ['psuh', ['pull', 'push'], 'push'],
    ['list', ['test', 'lint'], 'lint'],
    ['list', ['test'], undefined],
    ['verfiy', ['verify', 'verity'], 'verify'],
    ['ba', ['ab'], 'ab'],
    ['abab', ['baba'], undefined],
    ['readOnlyPahts', ['readOnlyPaths', 'readWritePaths'], 'readOnlyPaths'],
    ['ab', ['cd', 'ax'], 'ax'],
    ['a', ['b', 'a'], 'a'],
    ['a', ['b'], undefined],
    ['anything', [], undefined],
  ] as const) {
    it(`finds ${expected ?? 'nothing'} for ${written} in ${candidates.join(', ') || 'nothing'}`, () =>
      assert.equal(closest(written, candidates), expected));
  }

  it('takes no time for a long word', () => {
    const began = performance.now();
    assert.equal(closest('x'.repeat(1_000_000), ['action', 'y'.repeat(100_000)]), undefined);
    assert.ok(performance.now() - began < 100);
  });
});
