import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { atLeast, backoffDelay, maxTimerMs } from './backoff.ts';

const random = fc.double({ min: 0, max: 0.999, noNaN: true });

describe('backoffDelay', () => {
  it('doubles up to the limit, less a random part of up to a half', () => {
    const backoff = { initialMs: 100, maxMs: 60_000 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), random, (failures, chance) => {
        const full = Math.min(60_000, 100 * 2 ** Math.min(failures - 1, 50));
        const delay = backoffDelay(backoff, failures, chance);
        assert.ok(delay >= full / 2 && delay <= full, `${delay} of ${full}`);
      }),
    );
  });

  it('never exceeds what a timer can wait', () => {
    assert.equal(backoffDelay({ initialMs: 1000, maxMs: Number.POSITIVE_INFINITY }, 1e9, 0), maxTimerMs);
  });
});

describe('atLeast', () => {
  it('waits as long as was asked for, and up to a quarter longer', () => {
    fc.assert(
      fc.property(fc.nat(1e12), fc.nat(1e6), random, (wanted, delay, chance) => {
        const waited = atLeast(wanted, delay, chance);
        assert.ok(waited >= Math.min(Math.max(wanted, delay), maxTimerMs));
        assert.ok(waited <= Math.max(delay, wanted * 1.25 + 1));
        assert.equal(atLeast(undefined, delay, chance), delay);
      }),
    );
  });
});
