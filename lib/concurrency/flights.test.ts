import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { Departures } from './flights.ts';

describe('departures', () => {
  it('give no caller an answer to a question that was asked before it came, and ask few', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ after: fc.nat(4), takes: fc.nat(3) }), { minLength: 1, maxLength: 40 }),
        async (arrivals) => {
          const departures = new Departures<number>();
          let now = 0;
          let running = 0;
          let most = 0;
          let asked = 0;
          const pause = async (turns: number): Promise<void> => {
            for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
          };
          const callers: Promise<void>[] = [];
          for (const { after, takes } of arrivals) {
            await pause(after);
            const came = now++;
            const { result } = departures.join('tag', undefined, async () => {
              const began = now++;
              asked++;
              most = Math.max(most, ++running);
              await pause(takes);
              running--;
              return began;
            });
            callers.push(result.then((began) => assert.ok(began > came, `asked at ${began}, came at ${came}`)));
          }
          await Promise.all(callers);
          assert.equal(most, 1);
          assert.ok(asked <= arrivals.length);
        },
      ),
    );
  });

  it('ask twice for a crowd', async () => {
    const departures = new Departures<number>();
    let asked = 0;
    const ask = async (): Promise<number> => {
      await delay(10);
      return ++asked;
    };
    const results = await Promise.all(Array.from({ length: 400 }, () => departures.join('tag', undefined, ask).result));
    assert.deepEqual([asked, results[0], results[1], results.at(-1)], [2, 1, 2, 2]);
  });

  it('do not wait for long for an answer that does not come', async () => {
    const departures = new Departures<string>();
    const never = new Promise<string>(() => undefined);
    const stuck = new AbortController();
    const first = departures.join('tag', stuck.signal, () => never);
    assert.equal(await departures.join('tag', undefined, async () => 'second').result, 'second');
    stuck.abort(new Error('enough'));
    await assert.rejects(first.result, { message: 'enough' });
    assert.equal(await departures.join('tag', undefined, async () => 'third').result, 'third');
  });

  it('let no caller join a call that all its callers have given up before it began', async () => {
    const departures = new Departures<string>();
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = departures.join('tag', undefined, () => promise);
    const given = new AbortController();
    const second = departures.join('tag', given.signal, async () => assert.fail('begun without a caller'));
    given.abort(new Error('enough'));
    await assert.rejects(second.result, { message: 'enough' });
    const third = departures.join('tag', undefined, async () => 'third');
    assert.equal(third.joined, false);
    resolve('first');
    assert.deepEqual([await first.result, await third.result], ['first', 'third']);
  });

  it('pass a failure on only to the callers that waited for it', async () => {
    const departures = new Departures<string>();
    const failing = departures.join('tag', undefined, async () => {
      throw new Error('down');
    });
    const next = departures.join('tag', undefined, async () => 'up');
    await assert.rejects(failing.result, { message: 'down' });
    assert.equal(await next.result, 'up');
  });
});
