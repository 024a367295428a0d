import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainJson } from '#test/support/plain-json';
import type { JsonNode } from './node.ts';
import { positionOf, readJson } from './read-json.ts';

const limits = { bytes: 1024 * 1024, depth: 5, values: 20_000 };

function read(text: string) {
  return readJson(new TextEncoder().encode(text), 'p.json', limits);
}

/** As many items as are asked for, each with a long array of its own. */
function items(count: number): { n: number; of: number[] }[] {
  return Array.from({ length: count }, (_, n) => ({ n, of: Array.from({ length: 70 }, (_, index) => index * n) }));
}

describe('readJson', () => {
  it('gives the items of arrays of any length, in every pass', () => {
    for (const count of [0, 1, 63, 64, 65, 66, 200]) {
      const value = { before: [[]], long: items(count), after: [count] };
      const { root } = read(JSON.stringify(value, undefined, 1));
      assert.deepEqual(plainJson(root), value);
      assert.deepEqual(plainJson(root), value);
    }
  });

  it('gives the items of a long array to two readers at a time', () => {
    const { root } = read(JSON.stringify(items(70)));
    assert.equal(root.type, 'array');
    if (root.type !== 'array') return;
    let passed = 0;
    const others = root.items[Symbol.iterator]();
    for (const item of root.items) {
      assert.deepEqual(plainJson(item), plainJson(others.next().value as JsonNode));
      passed += 1;
    }
    assert.equal(passed, 70);
  });

  it('knows where the items of a long array stand', () => {
    const document = read(`[\n${Array.from({ length: 100 }, (_, index) => `  {"a": ${index}}`).join(',\n')}\n]`);
    assert.equal(document.root.type, 'array');
    if (document.root.type !== 'array') return;
    const positions = Array.from(document.root.items, ({ at }) => positionOf(document, at));
    assert.deepEqual(
      positions,
      Array.from({ length: 100 }, (_, index) => `p.json:${index + 2}:3`),
    );
  });

  const long = Array.from({ length: 100 }, () => '{}').join(',');
  const refused: Record<string, [text: string, message: string]> = {
    'a member twice': [`[${long},{"a":1,"a":2}]`, 'p.json:1:309: not valid JSON: duplicate member "a"'],
    'no value after a comma': [`[${long},]`, 'p.json:1:302: not valid JSON: expected a JSON value'],
    'no end': [`[${long}`, 'p.json:1:301: not valid JSON: expected "," or "]"'],
    'something else after it': [`[${long}]]`, 'p.json:1:302: not valid JSON: nothing may follow the JSON value'],
    'too deep a value': [`[${long},[[[[[1]]]]]]`, 'p.json:1:306: nested deeper than 5 levels'],
    'too many values': [`[${'0,'.repeat(20_000)}0]`, 'p.json:1:40000: more than 20000 values'],
  };
  for (const [what, [text, message]] of Object.entries(refused)) {
    it(`refuses a long array with ${what}, before anything is done with its items`, () => {
      assert.throws(() => read(text), { message });
    });
  }

  it('refuses an escape for half of a character, which other readers replace or refuse', () => {
    for (const half of ['\\ud800', '\\udc00', '\\udc00\\ud800', 'a\\ud83d', '\\ud83d\\u0041']) {
      const message = /p\.json:1:7: not valid JSON: an unpaired surrogate is not a character/;
      assert.throws(() => read(`{"a": "${half}"}`), message, half);
      assert.throws(() => read(`{"${half}": 1}`), /an unpaired surrogate/, half);
    }
    assert.deepEqual(plainJson(read('{"a": "\\ud83d\\ude00"}').root), { a: '😀' });
  });
});
