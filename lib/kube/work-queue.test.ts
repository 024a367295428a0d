import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { ApiError } from './api-error.ts';
import { type Failure, type Processed, WorkQueue } from './work-queue.ts';

type Outcome = Processed | Error | undefined;

/** Lets everything run that only waits for promises. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** A queue whose processing of a key ends when the test ends it. */
class Bench {
  readonly begun: string[] = [];
  readonly failures: Failure[] = [];
  readonly queue: WorkQueue;
  readonly #running = new Map<string, (outcome: Outcome) => void>();

  constructor(concurrency = 1) {
    this.queue = new WorkQueue({
      concurrency,
      backoff: { initialMs: 100, maxMs: 1000 },
      process: (key) => this.#process(key),
      onFailure: (failure) => this.failures.push(failure),
    });
  }

  async end(key: string, outcome?: Outcome): Promise<void> {
    const end = this.#running.get(key);
    assert.ok(end !== undefined, `${key} is not processed`);
    this.#running.delete(key);
    end(outcome);
    await settle();
  }

  #process(key: string): Promise<Processed | undefined> {
    assert.ok(!this.#running.has(key), `${key} is processed twice at the same time`);
    this.begun.push(key);
    return new Promise((resolve, reject) => {
      this.#running.set(key, (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
    });
  }
}

describe('WorkQueue', () => {
  let now = 0;
  const pass = async (ms: number): Promise<void> => {
    now += ms;
    mock.timers.tick(ms);
    await settle();
  };
  beforeEach(() => {
    now = 0;
    mock.timers.enable({ apis: ['setTimeout'] });
    mock.method(performance, 'now', () => now);
    // The largest delays.
    mock.method(Math, 'random', () => 0);
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  it('processes keys in order, each once, and no more at a time than it may', async () => {
    const bench = new Bench(2);
    for (const key of ['a', 'b', 'c', 'b', 'd', 'c']) bench.queue.add(key);
    assert.deepEqual(bench.begun, ['a', 'b']);
    assert.equal(bench.queue.depth, 4);
    await bench.end('a');
    assert.deepEqual(bench.begun, ['a', 'b', 'c']);
    // It was added while it was processed.
    await bench.end('b');
    assert.deepEqual(bench.begun, ['a', 'b', 'c', 'd']);
    for (const key of ['c', 'd', 'b']) await bench.end(key);
    assert.deepEqual(bench.begun, ['a', 'b', 'c', 'd', 'b']);
    assert.equal(bench.queue.depth, 0);
  });

  it('processes a key after a delay, the shortest that was asked for', async () => {
    const bench = new Bench();
    bench.queue.addAfter('a', 300);
    bench.queue.addAfter('a', 100);
    bench.queue.addAfter('a', 200);
    await pass(99);
    assert.deepEqual(bench.begun, []);
    await pass(1);
    assert.deepEqual(bench.begun, ['a']);
    await bench.end('a', { requeueAfter: 50 });
    await pass(50);
    assert.deepEqual(bench.begun, ['a', 'a']);
    await bench.end('a');
    await pass(100_000);
    assert.deepEqual(bench.begun, ['a', 'a']);
  });

  it('processes a delayed key at once when it is added', async () => {
    const bench = new Bench();
    bench.queue.addAfter('a', 1000);
    bench.queue.add('a');
    await bench.end('a');
    await pass(100_000);
    assert.deepEqual(bench.begun, ['a']);
  });

  it('takes a delay of any length', async () => {
    const bench = new Bench(5);
    bench.queue.addAfter('far', Number.POSITIVE_INFINITY);
    bench.queue.addAfter('not a number', Number.NaN);
    bench.queue.addAfter('past', -5);
    await pass(1);
    assert.deepEqual(bench.begun, ['past']);
    await pass(999);
    assert.deepEqual(bench.begun, ['past', 'not a number']);
  });

  it('waits longer after each failure, up to a limit, and begins anew after a success', async () => {
    const bench = new Bench();
    bench.queue.add('a');
    for (const delay of [100, 200, 400, 800, 1000, 1000]) {
      const begun = bench.begun.length;
      await bench.end('a', new Error('broken'));
      assert.equal(bench.failures.at(-1)?.againAfterMs, delay);
      await pass(delay - 1);
      assert.equal(bench.begun.length, begun);
      await pass(1);
      assert.equal(bench.begun.length, begun + 1);
    }
    assert.deepEqual(
      bench.failures.map(({ failures }) => failures),
      [1, 2, 3, 4, 5, 6],
    );
    await bench.end('a');
    bench.queue.add('a');
    await bench.end('a', new Error('broken'));
    assert.equal(bench.failures.at(-1)?.againAfterMs, 100);
  });

  it('keeps the failures of each key apart', async () => {
    const bench = new Bench(2);
    bench.queue.add('bad');
    await bench.end('bad', new Error('broken'));
    bench.queue.add('good');
    await bench.end('good');
    await pass(100);
    assert.deepEqual(bench.begun, ['bad', 'good', 'bad']);
  });

  it('processes a failing key that is changed soon, but not at once', async () => {
    const bench = new Bench();
    bench.queue.add('a');
    for (const delay of [100, 200, 400]) {
      await bench.end('a', new Error('broken'));
      await pass(delay);
    }
    await bench.end('a', new Error('broken'));
    bench.queue.add('a');
    await pass(99);
    assert.equal(bench.begun.length, 4);
    await pass(1);
    assert.equal(bench.begun.length, 5);
    // Changed by its own processing.
    bench.queue.add('a');
    await bench.end('a', new Error('broken'));
    assert.equal(bench.failures.at(-1)?.againAfterMs, 100);
    await pass(100);
    assert.equal(bench.begun.length, 6);
  });

  it('waits as long as the API server asks for', async () => {
    const bench = new Bench();
    bench.queue.add('a');
    await bench.end('a', new ApiError('busy', { status: 429, reason: 'TooManyRequests', retryAfterMs: 7000 }));
    assert.equal(bench.failures[0]?.againAfterMs, 7000);
  });

  it('begins nothing for a while during an outage, longer each time, and everything after it', async () => {
    let isDown = true;
    let begun = 0;
    const queue = new WorkQueue({
      concurrency: 2,
      backoff: { initialMs: 100, maxMs: 100 },
      async process() {
        begun++;
        if (isDown) throw new Error('down');
        return undefined;
      },
      isOutage: () => true,
    });
    for (let i = 0; i < 100; i++) queue.add(`k${i}`);
    await settle();
    for (const [delay, total] of [
      [500, 2],
      [1000, 4],
      [2000, 6],
    ] as const) {
      assert.equal(begun, total);
      await pass(delay - 1);
      assert.equal(begun, total);
      await pass(1);
    }
    isDown = false;
    await pass(4000);
    for (let i = 0; i < 100; i++) await settle();
    await pass(100);
    assert.equal(begun, 8 + 100);
    assert.equal(queue.depth, 0);
    await queue.stop();
  });

  it('does not hold up others for a key that fails again and again as in an outage', async () => {
    const begun: string[] = [];
    const queue = new WorkQueue({
      concurrency: 1,
      backoff: { initialMs: 100, maxMs: 100 },
      async process(key) {
        begun.push(key);
        if (key === 'poison') throw new Error('too large for etcd');
        return undefined;
      },
      isOutage: () => true,
    });
    queue.add('poison');
    await settle();
    await pass(500);
    assert.deepEqual(begun, ['poison', 'poison']);
    queue.add('other');
    await settle();
    assert.deepEqual(begun, ['poison', 'poison', 'other']);
    await queue.stop();
  });

  it('processes a key that is added all the time at a rate, others at once, and loses no change', async () => {
    const begun: string[] = [];
    const queue = new WorkQueue({
      concurrency: 1,
      keyRate: { burst: 3, everyMs: 1000 },
      async process(key) {
        begun.push(key);
        return undefined;
      },
    });
    for (let at = 0; at < 10_000; at += 50) {
      queue.add('busy');
      await pass(50);
    }
    assert.ok(begun.length >= 10 && begun.length <= 3 + 2 * 10, `${begun.length} times`);
    queue.add('other');
    await settle();
    assert.equal(begun.at(-1), 'other');
    begun.length = 0;
    queue.add('busy');
    await pass(1000);
    assert.ok(begun.length >= 1);
    await queue.stop();
  });

  it('takes an error that is thrown at once as a failure', async () => {
    const failed: unknown[] = [];
    const queue = new WorkQueue({
      concurrency: 1,
      process() {
        throw new Error('at once');
      },
      onFailure: ({ thrown }) => failed.push(thrown),
    });
    queue.add('a');
    await settle();
    assert.match(String(failed[0]), /at once/);
    await queue.stop();
  });

  it('stops when what is processed has ended, and drops the rest', async () => {
    const bench = new Bench(1);
    bench.queue.add('a');
    bench.queue.add('b');
    bench.queue.addAfter('c', 10);
    let stopped = 0;
    const stopping = [bench.queue.stop(), bench.queue.stop()].map((stop) => stop.then(() => stopped++));
    bench.queue.add('d');
    await pass(1000);
    assert.equal(stopped, 0);
    await bench.end('a', new Error('broken'));
    await Promise.all(stopping);
    await pass(100_000);
    assert.deepEqual(bench.begun, ['a']);
    assert.equal(bench.queue.depth, 0);
    await bench.queue.stop();
  });
});
