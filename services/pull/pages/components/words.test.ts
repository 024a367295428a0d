import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { counted, day, listed, moment } from './words.ts';

describe('day and moment', () => {
  it('show full dates in UTC', () => {
    const time = '2026-11-03T23:30:00-02:00';
    assert.equal(`${day(time)}`, '<time datetime="2026-11-04T01:30:00.000Z">4 Nov 2026</time>');
    assert.equal(`${moment(time)}`, '<time datetime="2026-11-04T01:30:00.000Z">4 Nov 2026 01:30 UTC</time>');
  });

  it('show nothing for a text that is not a time', () => {
    for (const text of ['', 'yesterday', 'title=1', '2026-13-40T00:00:00Z', '2026', '2026-11-03T00:00:00']) {
      assert.equal(day(text), undefined, text);
    }
  });
});

describe('counted and listed', () => {
  it('put numbers and lists into words', () => {
    assert.deepEqual([counted(1, 'profile'), counted(10_000, 'profile')], ['1 profile', '10,000 profiles']);
    assert.deepEqual([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listed), ['', 'a', 'a and b', 'a, b and c']);
  });
});
