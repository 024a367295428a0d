import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { documentOf } from './document-of.ts';
import type { JsonNode } from './node.ts';
import { readJson } from './read-json.ts';

const limits = { bytes: 100_000, depth: 16, values: 1_000 };

/** A node without its places. */
function plain(node: JsonNode): unknown {
  switch (node.type) {
    case 'object':
      return { object: Array.from(node.members, ([name, { value }]) => [name, plain(value)]) };
    case 'array':
      return Array.from(node.items, plain);
    case 'null':
      return null;
    case 'number':
      return { number: node.source };
    default:
      return node.value;
  }
}

describe('documentOf', () => {
  it('has the values that the reader of the text has', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        const read = readJson(new TextEncoder().encode(text), 'p', limits);
        // The text of a number may have other forms: -0, exponents.
        const parsed: unknown = JSON.parse(text);
        assert.deepEqual(plain(documentOf(parsed, 'p', limits).root), plain(read.root));
      }),
    );
  });

  it('keeps integers of 64 bits, and names such as __proto__', () => {
    const value = JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, unknown>;
    value['large'] = 9_223_372_036_854_775_807n;
    const expected = {
      object: [
        ['__proto__', { number: '1' }],
        ['constructor', { number: '2' }],
        ['large', { number: '9223372036854775807' }],
      ],
    };
    assert.deepEqual(plain(documentOf(value, 'p', limits).root), expected);
  });

  it('refuses what is too deep, too big or no JSON', () => {
    let deep: unknown = [];
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
    assert.throws(() => documentOf(deep, 'p', limits), /LimitExceeded|nested deeper than 16 levels/);
    const wide = Array.from({ length: 2_000 }, () => 0);
    assert.throws(() => documentOf(wide, 'p', limits), /p:1:1: more than 1000 values/);
    assert.throws(() => documentOf([() => 0], 'p', limits), /a function is no value of JSON/);
    assert.deepEqual(plain(documentOf({ a: undefined }, 'p', limits).root), { object: [] });
  });
});
