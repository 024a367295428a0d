import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import fc from 'fast-check';
import { WorkQueue } from './work-queue.ts';

const initialMs = 100;

/** What happens to a queue. */
type Step =
  | { readonly do: 'add'; readonly key: string }
  | { readonly do: 'addAfter'; readonly key: string; readonly ms: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'end'; readonly key: string; readonly outcome: 'done' | 'failed' | number };

const key = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 0, max: 500 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 300 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      key,
      outcome: fc.oneof(fc.constantFrom('done' as const, 'failed' as const), fc.integer({ min: 0, max: 500 })),
    }),
  },
);

/**
 * What a queue owes: for each key, the time at which it must be due at the latest, in time of the
 * test. It knows nothing of order, timers or sets.
 */
class Debts {
  readonly #dueAt = new Map<string, number>();
  readonly #failures = new Map<string, number>();

  owe(key: string, at: number): void {
    this.#dueAt.set(key, Math.min(at, this.#dueAt.get(key) ?? Number.POSITIVE_INFINITY));
  }

  /** Adding a key makes it due now, or after the first delay if it has failed. */
  add(key: string, now: number): void {
    this.owe(key, this.#failures.has(key) ? now + initialMs : now);
  }

  begin(key: string): void {
    assert.ok(this.#dueAt.delete(key), `${key} is processed without being due`);
  }

  end(key: string, outcome: 'done' | 'failed' | number, now: number): void {
    if (outcome === 'failed') {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      const asked = this.#dueAt.get(key);
      this.#dueAt.delete(key);
      const delay = asked !== undefined && asked <= now ? initialMs : initialMs * 2 ** (failures - 1);
      this.owe(key, now + delay);
      if (asked !== undefined && asked > now) this.owe(key, asked);
      return;
    }
    this.#failures.delete(key);
    if (typeof outcome === 'number' && (this.#dueAt.get(key) ?? Number.POSITIVE_INFINITY) > now) {
      this.owe(key, now + outcome);
    }
  }

  overdue(now: number): string[] {
    return [...this.#dueAt].filter(([, at]) => at <= now).map(([key]) => key);
  }
}

describe('WorkQueue with any sequence of steps', () => {
  it('processes what it owes, never twice at the same time, and never more at a time than it may', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    let now = 0;
    mock.method(performance, 'now', () => now);
    mock.method(Math, 'random', () => 0);
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 1, max: 3 }),
          fc.array(step, { maxLength: 60 }),
          async (concurrency, steps) => {
            const debts = new Debts();
            const running = new Map<string, PromiseWithResolvers<{ requeueAfter: number } | undefined>>();
            const queue = new WorkQueue({
              concurrency,
              backoff: { initialMs, maxMs: 1e9 },
              process(each) {
                assert.ok(!running.has(each), `${each} is processed twice at the same time`);
                assert.ok(running.size < concurrency);
                debts.begin(each);
                const ending = Promise.withResolvers<{ requeueAfter: number } | undefined>();
                running.set(each, ending);
                return ending.promise;
              },
              onFailure: ({ thrown }) => {
                if (!(thrown instanceof Error && thrown.message === 'as wanted')) throw thrown;
              },
            });
            const end = (each: string, outcome: 'done' | 'failed' | number): void => {
              const ending = running.get(each);
              if (ending === undefined) return;
              running.delete(each);
              debts.end(each, outcome, now);
              if (outcome === 'failed') ending.reject(new Error('as wanted'));
              else ending.resolve(outcome === 'done' ? undefined : { requeueAfter: outcome });
            };
            const verify = (): void => {
              const waiting = debts.overdue(now).filter((each) => !running.has(each));
              assert.ok(waiting.length === 0 || running.size === concurrency, `${waiting} wait for nothing`);
            };
            for (const each of steps) {
              if (each.do === 'add') {
                debts.add(each.key, now);
                queue.add(each.key);
              } else if (each.do === 'addAfter') {
                debts.owe(each.key, now + each.ms);
                queue.addAfter(each.key, each.ms);
              } else if (each.do === 'pass') {
                // Millisecond by millisecond: what becomes due begins in time.
                for (let ms = 0; ms < each.ms; ms++) {
                  now++;
                  mock.timers.tick(1);
                }
              } else end(each.key, each.outcome);
              for (let i = 0; i < 10; i++) await Promise.resolve();
              // A delay of 0 ms takes a turn of the timers.
              mock.timers.tick(0);
              verify();
            }
            // In the end nothing is owed.
            for (let round = 0; round < 50; round++) {
              for (const each of [...running.keys()]) end(each, 'done');
              for (let i = 0; i < 10; i++) await Promise.resolve();
              now += 1e6;
              mock.timers.tick(1e6);
            }
            assert.deepEqual(debts.overdue(Number.POSITIVE_INFINITY), []);
            await queue.stop();
          },
        ),
        { numRuns: 300 },
      );
    } finally {
      mock.timers.reset();
      mock.restoreAll();
    }
  });
});
