import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { syscallNames } from './syscall-names.ts';
import { callsFor, purposeOf, purposes } from './syscall-purposes.ts';

describe('purposeOf', () => {
  it('returns exactly one purpose for each system call of the tables, and no others', () => {
    const known = [...syscallNames()].sort();
    assert.deepEqual(
      known.filter((name) => purposeOf(name) === undefined),
      [],
    );
    assert.deepEqual(purposes.flatMap(callsFor).sort(), known);
    assert.equal(purposeOf('no_such_call'), undefined);
  });
});
