import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mergePatchOf } from './merge-patch.ts';

/** The algorithm of RFC 7396, section 2. */
function applyPatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const isObject = typeof target === 'object' && target !== null && !Array.isArray(target);
  const result = new Map(Object.entries(isObject ? (target as object) : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, applyPatch(result.get(name), value));
  }
  return Object.fromEntries(result);
}

describe('mergePatchOf', () => {
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('a', 'b', 1, 2, true),
      fc.array(tie('value'), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('x', 'y', 'constructor'), tie('value'), { noNullPrototype: true }),
    ),
  }));
  const object = fc.dictionary(fc.constantFrom('x', 'y', 'z', 'constructor'), value, { noNullPrototype: true });

  it('leads from one object to the other, and is undefined if they are the same', () => {
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patch = mergePatchOf(before, after);
        assert.deepEqual(patch === undefined ? before : applyPatch(before, patch), after);
        assert.equal(mergePatchOf(after, structuredClone(after)), undefined);
        if (patch === undefined) assert.deepEqual(before, after);
      }),
      { numRuns: 1000 },
    );
  });

  it('contains only what changes', () => {
    assert.deepEqual(mergePatchOf({ a: { b: 1, c: 2 }, d: [1], e: 1 }, { a: { b: 1, c: 3 }, d: [1] }), {
      a: { c: 3 },
      e: null,
    });
  });

  it('sees no change where the API server stores none', () => {
    assert.equal(mergePatchOf({ a: 1 }, { a: 1, b: undefined, c: null }), undefined);
    assert.equal(mergePatchOf({ a: '\ufffd' }, { a: '\ud800' }), undefined);
    assert.equal(mergePatchOf({ a: [null] }, { a: [null] }), undefined);
    assert.equal(mergePatchOf({ at: '2026-01-01T00:00:00.000Z' }, { at: new Date('2026-01-01') }), undefined);
  });
});
