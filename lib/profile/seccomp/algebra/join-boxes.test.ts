import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ArgumentSet, blocks, containsValue } from './argument-set.ts';
import type { Box } from './box.ts';
import { alternatives } from './describe.ts';
import { joinBoxes } from './join-boxes.ts';

const word = 2n ** 32n - 1n;
const range = (low: bigint, high: bigint): ArgumentSet => ({ form: 'lowRange', low, high });
const along = (index: number, ...ranges: readonly ArgumentSet[]): readonly Box[] =>
  ranges.flatMap(blocks).map((set) => [{ index, set }]);
const isIn = (boxes: readonly Box[], args: readonly bigint[]) =>
  boxes.some((box) => box.every(({ index, set }) => containsValue(set, args[index] ?? 0n)));

describe('joinBoxes', () => {
  it('shows blocks as the ranges that they are', () => {
    const allowed = along(0, range(0n, 37n), range(39n, 39n), range(41n, word));
    assert.equal(
      alternatives(allowed),
      'arg0 & 0xffffffff <= 37 or arg0 & 0xffffffff == 39 or arg0 & 0xffffffff >= 41',
    );
  });

  it('leaves out an argument that may be anything', () => {
    const halves = along(2, range(0n, 9n), range(10n, word)).map((box) => [{ index: 0, set: range(16n, 16n) }, ...box]);
    assert.equal(alternatives(halves), 'arg0 & 0xffffffff == 16');
    const bits = [0n, 1n].map(
      (value): Box => [...(halves[0] ?? []).slice(0, 1), { index: 2, set: { form: 'bits', mask: 1n, value } }],
    );
    assert.equal(alternatives(bits), 'arg0 & 0xffffffff == 16');
  });

  it('keeps every call', () => {
    const small = fc.bigInt({ min: 0n, max: 12n });
    const set = fc.oneof(
      fc.tuple(small, small).map(([low, more]) => range(low, low + more)),
      fc.constant(range(5n, word)),
      small.map((value): ArgumentSet => ({ form: 'range', low: value, high: value })),
      fc.constantFrom(0n, 1n).map((value): ArgumentSet => ({ form: 'bits', mask: 1n, value })),
      fc.constantFrom(0n, 1n, 2n, 3n).map((value): ArgumentSet => ({ form: 'bits', mask: 3n, value })),
    );
    const box = fc
      .tuple(fc.option(set, { nil: undefined }), fc.option(set, { nil: undefined }))
      .map((sets): Box => sets.flatMap((each, index) => (each === undefined ? [] : [{ index, set: each }])));
    const property = fc.property(fc.array(box, { maxLength: 8 }), (boxes) => {
      const joined = joinBoxes(boxes);
      assert.ok(joined.length <= boxes.length);
      for (let first = 0n; first < 26n; first += 1n) {
        for (let second = 0n; second < 26n; second += 1n) {
          assert.equal(isIn(joined, [first, second]), isIn(boxes, [first, second]), `${first} ${second}`);
        }
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});
