import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type ArgumentSet, containsValue } from './argument-set.ts';
import { type Box, cutBox, subtractBox } from './box.ts';
import { unlimited } from './budget.ts';
import type { Region } from './decision.ts';
import { apart } from './regions.ts';

const small = fc.bigInt({ min: 0n, max: 6n });
const lowHalves = fc
  .tuple(small, small)
  .map(([low, more]): ArgumentSet => ({ form: 'lowRange', low, high: low + more }));
const set = fc.oneof(
  fc.tuple(small, small).map(([low, more]): ArgumentSet => ({ form: 'range', low, high: low + more })),
  lowHalves,
  small.map((value): ArgumentSet => ({ form: 'except', value })),
);
const boxOf = (sets: fc.Arbitrary<ArgumentSet>): fc.Arbitrary<Box> =>
  fc
    .tuple(...[0, 1, 2].map(() => fc.option(sets, { nil: undefined })))
    .map((some) => some.flatMap((each, index) => (each === undefined ? [] : [{ index, set: each }])));
const box = boxOf(set);

const values = [0n, 1n, 2n, 3n, 5n, 7n, 13n, 2n ** 32n, 2n ** 32n + 2n];
const calls = values.flatMap((a) => values.flatMap((b) => values.map((c) => [a, b, c])));
const isIn = (each: Box, call: readonly bigint[]) =>
  each.every((side) => containsValue(side.set, call[side.index] ?? 0n));

describe('what is left of a box', () => {
  it('is the same in parts that overlap and in parts that do not', () => {
    const property = fc.property(box, box, (a, b) => {
      const [overlapping, disjoint] = [subtractBox(a, b), cutBox(a, b)];
      for (const call of calls) {
        const isLeft = isIn(a, call) && !isIn(b, call);
        assert.equal(
          overlapping.some((part) => isIn(part, call)),
          isLeft,
        );
        assert.equal(disjoint.filter((part) => isIn(part, call)).length, isLeft ? 1 : 0);
      }
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('by those before it makes regions that do not overlap, with the same calls', () => {
    const outcomes = [{ action: 'SCMP_ACT_ALLOW' }, { action: 'SCMP_ACT_LOG' }] as const;
    const region = fc
      .tuple(boxOf(lowHalves), fc.constantFrom(...outcomes))
      .map(([each, outcome]): Region => ({ box: each, outcome }));
    const property = fc.property(fc.array(region, { maxLength: 4 }), (regions) => {
      const parts = apart(regions, unlimited);
      assert.ok(parts);
      for (const outcome of outcomes) {
        const of = (list: readonly Region[]) => list.filter((each) => each.outcome === outcome);
        for (const call of calls) {
          const isMet = of(regions).some((each) => isIn(each.box, call));
          assert.equal(of(parts).filter((each) => isIn(each.box, call)).length, isMet ? 1 : 0);
        }
      }
    });
    fc.assert(property, { numRuns: 100 });
  });
});
