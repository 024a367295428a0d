import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Turns } from './turns.ts';

describe('turns', () => {
  it('come one after another in the order in which they were asked for, and let the event loop go round in between', async () => {
    const turns = new Turns();
    let rounds = 0;
    let over = false;
    const count = (): void => {
      rounds++;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const order: number[] = [];
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, n) => {
        await turns.take();
        order.push(n);
        seen.push(rounds);
      }),
    );
    over = true;
    assert.deepEqual(
      order,
      Array.from({ length: 50 }, (_, n) => n),
    );
    assert.equal(new Set(seen).size, 50, 'no two in the same round');
  });

  it('come again after all have been taken', async () => {
    const turns = new Turns();
    for (let time = 0; time < 3; time++) await turns.take();
    await Promise.all([turns.take(), turns.take()]);
    await turns.take();
  });
});
