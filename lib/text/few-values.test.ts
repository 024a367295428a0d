import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { hasFewValues } from './few-values.ts';

/** Lists, objects, and what stands in them after the first. */
function count(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value);
  return 1 + Math.max(0, inner.length - 1) + inner.reduce((sum: number, each) => sum + count(each), 0);
}

describe('hasFewValues', () => {
  it('counts the values of any JSON, whatever its strings look like', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^["\\,[\]{}]*$/));
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        text,
        fc.integer(),
        fc.array(tie('value')),
        fc.dictionary(text, tie('value')),
      ),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (each, indentation) => {
        const json = Buffer.from(JSON.stringify(each, undefined, indentation));
        const values = count(each);
        assert.ok(hasFewValues(json, values));
        if (values > 0) assert.ok(!hasFewValues(json, values - 1));
      }),
      { numRuns: 1000 },
    );
  });

  it('comes to an end with invalid JSON', () => {
    for (const text of ['', '"', '"\\', '"\\"', '[[[', '\\[', '"\\\\",'])
      assert.ok(hasFewValues(Buffer.from(text), 3), text);
    assert.ok(!hasFewValues(Buffer.from('[[[['), 3));
  });
});
