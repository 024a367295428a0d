import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FairBudget } from './fair-budget.ts';

const never = new AbortController().signal;
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('FairBudget', () => {
  it('serves owners in turns, for any number of requests of one of them', async () => {
    const budget = new FairBudget({ total: 2, share: 1 });
    const served: string[] = [];
    const give: (() => void)[] = [];
    const want = (owner: string) =>
      budget.acquire(owner, 1, never).then((giveBack) => {
        served.push(owner);
        give.push(giveBack);
      });
    for (let i = 0; i < 5; i++) void want('a');
    void want('b');
    void want('c');
    void want('c');
    await settled();
    assert.deepEqual(served, ['a', 'b']);
    while (give.length > 0) {
      give.shift()?.();
      await settled();
    }
    assert.deepEqual(served.slice(0, 4), ['a', 'b', 'a', 'c']);
    assert.equal(served.length, 8);
  });

  it('lets no small request overtake a large one that waits', async () => {
    const budget = new FairBudget({ total: 4, share: 4 });
    const first = await budget.acquire('a', 3, never);
    let large = false;
    void budget.acquire('b', 4, never).then((giveBack) => {
      large = true;
      giveBack();
    });
    let small = false;
    void budget.acquire('c', 1, never).then(() => {
      small = true;
    });
    await settled();
    assert.deepEqual([large, small], [false, false]);
    first();
    await settled();
    assert.deepEqual([large, small], [true, true]);
  });

  it('forgets who waits no longer', async () => {
    const budget = new FairBudget({ total: 1, share: 1 });
    const giveBack = await budget.acquire('a', 1, never);
    const gone = new AbortController();
    const waiting = budget.acquire('b', 1, gone.signal);
    gone.abort(new Error('gone'));
    await assert.rejects(waiting, /gone/);
    await assert.rejects(budget.acquire('b', 1, gone.signal), /gone/);
    giveBack();
    giveBack();
    const again = await budget.acquire('c', 1, never);
    again();
  });

  it('never lends more than the total, or than the share to one owner, and serves all in the end', async () => {
    const requests = fc.array(
      fc.record({
        owner: fc.constantFrom('a', 'b', 'c'),
        amount: fc.integer({ min: 1, max: 4 }),
        leaves: fc.boolean(),
      }),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(requests, fc.integer({ min: 4, max: 9 }), async (list, total) => {
        const budget = new FairBudget({ total, share: 4 });
        const lent = { a: 0, b: 0, c: 0 };
        const held: (() => void)[] = [];
        let open = 0;
        for (const { owner, amount, leaves } of list) {
          const leaving = new AbortController();
          open++;
          budget.acquire(owner, amount, leaving.signal).then(
            (giveBack) => {
              lent[owner] += amount;
              assert.ok(lent[owner] <= 4 && lent.a + lent.b + lent.c <= total);
              held.push(() => {
                lent[owner] -= amount;
                open--;
                giveBack();
              });
            },
            () => open--,
          );
          if (leaves) leaving.abort(new Error('gone'));
          if (held.length > 2) held.shift()?.();
        }
        await settled();
        while (held.length > 0) {
          held.shift()?.();
          await settled();
        }
        assert.equal(open, 0);
      }),
      { numRuns: 300 },
    );
  });
});
