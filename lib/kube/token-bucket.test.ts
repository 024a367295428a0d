import assert from 'node:assert/strict';
import { afterEach, describe, it, mock } from 'node:test';
import { TokenBucket } from './token-bucket.ts';

describe('TokenBucket', () => {
  afterEach(() => mock.restoreAll());

  it('allows a burst, then one in each period, and never more than a burst', () => {
    let now = 0;
    mock.method(performance, 'now', () => now);
    const bucket = new TokenBucket({ burst: 3, everyMs: 1000 });
    const takeAll = () => {
      let taken = 0;
      while (bucket.take()) taken++;
      return taken;
    };
    assert.equal(takeAll(), 3);
    now = 999;
    assert.equal(takeAll(), 0);
    now = 1000;
    assert.equal(takeAll(), 1);
    now = 3500;
    assert.equal(takeAll(), 2);
    now = 4000;
    assert.equal(takeAll(), 1);
    now = 1e9;
    assert.equal(takeAll(), 3);
  });
});
