import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { failureMemory, RegistryFailures } from './registry-failures.ts';

const down = new FairleadError('Unavailable', 'connect ECONNREFUSED', { hint: 'Check it.' });

describe('the failures of registries', () => {
  let now: number;
  let failures: RegistryFailures;
  beforeEach(() => {
    now = 1000;
    failures = new RegistryFailures(() => now);
    failures.failed('a.example.com', 'r1', down);
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

  it('are forgotten once it answers, and under another policy', () => {
    failures.answered('a.example.com');
    assert.equal(refused(), false);
    failures.failed('a.example.com', 'r1', down);
    assert.deepEqual([refused('a.example.com', 'r2'), refused()], [false, false]);
  });

  it('are those of the registry: not what it refused, not of this machine, not of a caller who left', () => {
    failures.answered('a.example.com');
    for (const error of [
      new FairleadError('NotFound', 'no manifest'),
      new FairleadError('Unavailable', 'too many open files', { local: true }),
      new DOMException('left', 'AbortError'),
    ]) {
      failures.failed('a.example.com', 'r1', error);
      assert.equal(refused(), false, error.message);
    }
  });

  it('take a bounded amount of memory', () => {
    for (let number = 0; number < 1000; number++) failures.failed(`r${number}.example.com`, 'r1', down);
    assert.equal(refused(), false);
  });
});
