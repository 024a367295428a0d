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

  it('wait while the process accepts connections, and come all the same where that has no end', async (t) => {
    let accepted = 0;
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const accept = (most: number): void => {
      if (accepted >= most) return;
      accepted++;
      now += 0.1;
      setImmediate(() => accept(most));
    };
    const turns = new Turns(() => accepted);
    accept(40);
    await turns.take();
    assert.equal(accepted, 40, 'all who had come were accepted first');
    accept(Number.POSITIVE_INFINITY);
    await Promise.all([turns.take(), turns.take()]);
    assert.ok(accepted > 240, 'they were accepted for 20 ms before each');
    accepted = Number.POSITIVE_INFINITY;
  });

  it('come again after all have been taken', async () => {
    const turns = new Turns();
    for (let time = 0; time < 3; time++) await turns.take();
    await Promise.all([turns.take(), turns.take()]);
    await turns.take();
  });
});
