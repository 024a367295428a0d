import assert from 'node:assert/strict';
import { it } from 'node:test';
import { WorkBound, workBounds } from './work-bound.ts';

it('refuses requests for one registry, then for all, and admits others as soon as some have ended', () => {
  const work = new WorkBound();
  const ends = Array.from({ length: workBounds.ofOneRegistry }, () => work.begin('slow.example.com'));
  assert.throws(() => work.begin('slow.example.com'), { kind: 'Unavailable', message: /448 requests wait for slow\./ });
  for (let left = workBounds.all - workBounds.ofOneRegistry; left > 0; left--) work.begin(`${left}.example.com`);
  assert.throws(() => work.begin('other.example.com'), { kind: 'Unavailable', message: /512 requests wait for regis/ });
  ends[0]?.();
  work.begin('other.example.com');
  assert.throws(() => work.begin('slow.example.com'), { kind: 'Unavailable' });
});
