import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compareNaturally } from './natural-order.ts';

describe('compareNaturally', () => {
  for (const sorted of [
    ['1.9', '1.10', '1.10.1', '1.11'],
    ['0.9', '1.0', '1.0-rc.2', '1.0-rc.10', '1.0.1', 'latest'],
    ['a0', 'a01', 'a1', 'a1b', 'a02', 'a2', 'a10'],
    ['', '0', '1', '12345678901234567890', '22345678901234567890', '123456789012345678901', 'a'],
    ['a.example.com:5000/b2', 'a.example.com:5000/b10', 'a.example.com:5000/b10/c'],
  ]) {
    it(`sorts ${sorted.join(', ')}`, () => assert.deepEqual(sorted.toReversed().sort(compareNaturally), sorted));
  }

  it('is the order of the collator for names of lower-case letters, numbers and separators', () => {
    const { compare } = new Intl.Collator('en', { numeric: true });
    const name = fc
      .array(fc.constantFrom(...'ab0129.-/'), { maxLength: 8 })
      .map((letters) => letters.join(''))
      .filter((text) => !/(?<![0-9])0[0-9]/.test(text));
    fc.assert(
      fc.property(name, name, (one, other) => {
        assert.equal(Math.sign(compareNaturally(one, other)), Math.sign(compare(one, other)));
      }),
      { numRuns: 5000 },
    );
  });

  it('is an order', () => {
    const name = fc.array(fc.constantFrom(...'aZ019._'), { maxLength: 6 }).map((letters) => letters.join(''));
    fc.assert(
      fc.property(name, name, name, (one, two, three) => {
        assert.equal(compareNaturally(one, two) === 0, one === two);
        assert.equal(compareNaturally(one, two) < 0, compareNaturally(two, one) > 0);
        if (compareNaturally(one, two) <= 0 && compareNaturally(two, three) <= 0) {
          assert(compareNaturally(one, three) <= 0);
        }
      }),
      { numRuns: 20_000 },
    );
  });
});
