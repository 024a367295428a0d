import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SharedValues } from './shared-values.ts';

describe('SharedValues', () => {
  it('returns the first of equal values, also in maps', () => {
    const values = new SharedValues<{ readonly of: ReadonlyMap<string, string> }>(1000);
    const value = (text: string) => ({ of: new Map([['key', text]]) });
    const first = values.share(value('a'));
    assert.equal(values.share(value('a')), first);
    assert.deepEqual(values.share(value('b')), value('b'));
  });

  it('forgets values after thousands of others', () => {
    const values = new SharedValues<{ readonly of: number }>(1000);
    const first = values.share({ of: 0 });
    for (let of = 1; of <= 2000; of++) values.share({ of });
    assert.notEqual(values.share({ of: 0 }), first);
  });
});
