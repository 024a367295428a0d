import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { operators } from '../tables/vocabulary.ts';
import type { ArgumentSet } from './argument-set.ts';
import {
  argumentSet,
  blocks,
  complementSet,
  conditionOf,
  containsValue,
  includesSet,
  intersectSets,
  isBlock,
  maxValue,
  obviouslyDisjoint,
} from './argument-set.ts';

const word = 2n ** 32n - 1n;
const corner = fc.constantFrom(0n, 1n, 5n, 8n, 38n, 40n, word - 1n, word, word + 1n, word + 39n, 2n ** 63n, maxValue);
const value = fc.oneof(corner, fc.bigInt({ min: 0n, max: 64n }), fc.bigInt({ min: 0n, max: maxValue }));
const mask = fc.oneof(
  value,
  fc.integer({ min: 0, max: 32 }).map((zeros) => word & ~(2n ** BigInt(zeros) - 1n)),
  fc.integer({ min: 0, max: 64 }).map((zeros) => maxValue ^ (2n ** BigInt(zeros) - 1n)),
);
const ofCondition = fc
  .tuple(fc.constantFrom(...operators), value, mask)
  .map(([op, first, second]) =>
    argumentSet({ index: 0, op, value: op === 'SCMP_CMP_MASKED_EQ' ? second : first, valueTwo: first }),
  )
  .filter((found) => found !== undefined && found !== 'none');
const half = fc.oneof(fc.bigInt({ min: 0n, max: 64n }), fc.bigInt({ min: 1n, max: word }));
const ofLowHalves = fc
  .tuple(half, half)
  .map(([a, b]): ArgumentSet => ({ form: 'lowRange', low: a < b ? a : b, high: a < b ? b : a }))
  .filter((made) => made.form === 'lowRange' && made.high - made.low < word);
const set = fc.oneof(ofCondition, ofLowHalves);

/** Values near the bounds of the sets, with some of their upper bits set too. */
function nearby(sets: readonly ArgumentSet[], values: readonly bigint[]): readonly bigint[] {
  const bounds = sets.flatMap((each) => (Object.values(each) as unknown[]).filter((part) => typeof part === 'bigint'));
  const near = [...bounds, ...values].flatMap((bound) => [bound - 1n, bound, bound + 1n]);
  return near.flatMap((low) => [low, low + 2n ** 32n, low | (1n << 63n)]).map((each) => BigInt.asUintN(64, each));
}

const isIn = (sets: readonly ArgumentSet[], each: bigint) => sets.some((part) => containsValue(part, each));

describe('sets of values of an argument', () => {
  it('are intersected, complemented and taken apart as sets are', () => {
    const property = fc.property(set, set, fc.array(value, { maxLength: 4 }), (a, b, values) => {
      const [both, outside, parts] = [intersectSets(a, b), complementSet(a), blocks(a)];
      for (const each of nearby([a, b], values)) {
        assert.equal(isIn(both, each), containsValue(a, each) && containsValue(b, each), `intersection at ${each}`);
        assert.equal(isIn(outside, each), !containsValue(a, each), `complement at ${each}`);
        assert.equal(isIn(parts, each), containsValue(a, each), `blocks at ${each}`);
        if (includesSet(a, b)) assert.ok(containsValue(a, each) || !containsValue(b, each), `inclusion at ${each}`);
        if (obviouslyDisjoint(a, b)) assert.ok(!containsValue(a, each) || !containsValue(b, each), `both at ${each}`);
      }
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it('are written as the condition that they are', () => {
    const property = fc.property(set, fc.array(value, { maxLength: 4 }), (given, values) => {
      if (isBlock(given)) assert.ok(conditionOf(3, given), 'a block without a condition');
      for (const part of blocks(given)) {
        const condition = conditionOf(3, part);
        assert.ok(condition, 'a block without a condition');
        const read = argumentSet(condition);
        assert.ok(read !== undefined && read !== 'none');
        for (const each of nearby([part], values)) assert.equal(containsValue(read, each), containsValue(part, each));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('of low halves stay ranges: what is joined of 34 blocks is complemented in two', () => {
    const halves = (low: bigint, high: bigint): ArgumentSet => ({ form: 'lowRange', low, high });
    const allowed = [halves(0n, 37n), halves(39n, 39n), halves(41n, word)].flatMap(blocks);
    assert.equal(allowed.length, 34);
    const outside = allowed
      .map(complementSet)
      .reduce((rest, pieces) => rest.flatMap((part) => pieces.flatMap((piece) => intersectSets(part, piece))));
    assert.deepEqual(outside, [halves(38n, 38n), halves(40n, 40n)]);
  });
});
