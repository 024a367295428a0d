import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nodeValue } from './node-value.ts';
import { readJson } from './read-json.ts';

const limits = { bytes: 100_000, depth: 16, values: 10_000 };
const valueIn = (text: string) => nodeValue(readJson(new TextEncoder().encode(text), 'p', limits).root);

describe('nodeValue', () => {
  it('returns what JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = JSON.stringify(value);
        const parsed: unknown = JSON.parse(text);
        if (/[0-9]{16}/.test(text)) return;
        assert.deepEqual(valueIn(text), parsed);
      }),
    );
  });

  it('rounds no integer', () => {
    assert.deepEqual(valueIn('[9007199254740991, 9007199254740993, 9223372036854775807, -9223372036854775808]'), [
      9007199254740991,
      9007199254740993n,
      9223372036854775807n,
      -9223372036854775808n,
    ]);
    assert.deepEqual(valueIn('[1e3, 0.5, -1.25e-3]'), [1000, 0.5, -0.00125]);
  });

  it('keeps members of any name', () => {
    const value = valueIn('{"__proto__": {"a": 1}, "constructor": 2}') as object;
    assert.deepEqual(Object.keys(value), ['__proto__', 'constructor']);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
  });
});
