import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { forEachOf } from './for-each-of.ts';

describe('forEachOf', () => {
  it('handles every item, a few at a time', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    await forEachOf([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      most = Math.max(most, ++running);
      await delay(1);
      running--;
      done.push(item);
    });
    assert.deepEqual(done.sort(), [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(most, 3);
  });

  it('begins nothing after a failure', async () => {
    const begun: number[] = [];
    const failing = forEachOf([1, 2, 3, 4, 5, 6], 2, async (item) => {
      begun.push(item);
      await delay(item === 1 ? 1 : 5);
      if (item === 1) throw new Error('failed');
    });
    await assert.rejects(failing, /failed/);
    await delay(20);
    assert.deepEqual(begun, [1, 2]);
  });
});
