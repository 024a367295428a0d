import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Caller } from './caller.ts';
import { RateLimit } from './rate-limit.ts';

const callerNamed = (subject: string): Caller => ({
  method: 'oidc',
  issuer: 'https://a.example.com',
  subject,
  claims: {},
});

it('a rate limit counts each caller for itself, and states when to try again', () => {
  let now = 0;
  const limit = new RateLimit({ perMinute: 60, now: () => now });
  const [ada, bob] = [callerNamed('ada'), callerNamed('bob')];
  limit.take(ada, 59);
  limit.take(ada, 1);
  assert.throws(() => limit.take(ada, 1), { kind: 'LimitExceeded', retryAfter: 1 });
  assert.throws(() => limit.take(ada, 30), { retryAfter: 30 });
  limit.take(bob, 60);
  now = 30_000;
  assert.throws(() => limit.take(ada, 31), { retryAfter: 1 });
  limit.take(ada, 30);
  now = 10 * 60_000;
  limit.take(ada, 60);
  assert.throws(() => limit.take(ada, 1), { kind: 'LimitExceeded' });
});
