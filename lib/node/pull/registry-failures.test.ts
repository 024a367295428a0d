import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { failureMemory, RegistryFailures } from './registry-failures.ts';

const down = new FairleadError('Unavailable', 'connect ECONNREFUSED', { hint: 'Check it.' });

describe('the failures of registries', () => {
  let now: number;
  let failures: RegistryFailures;
  const fail = (error: Error = down, signal?: AbortSignal) => {
    const asked = Promise.withResolvers<void>();
    const watched = failures.watch('a.example.com', 'r1', asked.promise, signal);
    return { end: () => assert.rejects(watched, error), reject: () => asked.reject(error) };
  };
  const failed = async (error?: Error) => {
    const { end, reject } = fail(error);
    reject();
    await end();
  };
  const answered = () => failures.watch('a.example.com', 'r1', Promise.resolve());
  beforeEach(async () => {
    now = 1000;
    failures = new RegistryFailures(() => now);
    await failed();
  });
  const refused = (registry = 'a.example.com', revision = 'r1') => {
    try {
      failures.check(registry, revision);
      return false;
    } catch (error) {
      assert.ok(error instanceof FairleadError);
      assert.deepEqual([error.kind, error.hint], ['Unavailable', 'Check it.']);
      assert.match(
        error.message,
        /^a\.example\.com was unavailable and is asked again in [1-5] s: connect ECONNREFUSED$/,
      );
      return true;
    }
  };

  it('are remembered for some seconds, of this registry under any spelling, and of no other', () => {
    assert.deepEqual([refused(), refused('A.example.com:443'), refused('b.example.com')], [true, true, false]);
    now += failureMemory - 1;
    assert.equal(refused(), true);
    now += 1;
    assert.equal(refused(), false);
  });

  it('are forgotten once it answers, and under another policy', async () => {
    await answered();
    assert.equal(refused(), false);
    await failed();
    assert.deepEqual([refused('a.example.com', 'r2'), refused()], [false, false]);
  });

  it('are those of the registry: not what it refused, not of this machine, not of a caller who left', async () => {
    await answered();
    for (const error of [
      new FairleadError('NotFound', 'no manifest'),
      new FairleadError('Unavailable', 'too many open files', { local: true }),
      new DOMException('left', 'AbortError'),
    ]) {
      await failed(error);
      assert.equal(refused(), false, error.message);
    }
  });

  it('are not made by a caller who waits for less than a registry may take', async () => {
    await answered();
    for (const [waited, remembered] of [
      [9_999, false],
      [10_000, true],
    ] as const) {
      const { end, reject } = fail(down, AbortSignal.abort(down));
      now += waited;
      reject();
      await end();
      assert.equal(refused(), remembered);
    }
  });

  it('take a bounded amount of memory', async () => {
    for (let number = 0; number < 1000; number++) {
      await assert.rejects(failures.watch(`r${number}.example.com`, 'r1', Promise.reject(down)), down);
    }
    assert.equal(refused(), false);
  });
});
