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

it('a rate limit forgets the caller that was seen longest ago', () => {
  const limit = new RateLimit({ perMinute: 1, now: () => 0 });
  const [first, second] = [callerNamed('first'), callerNamed('second')];
  limit.take(first, 0);
  limit.take(second, 1);
  limit.take(first, 1);
  for (let at = 0; at < 9_999; at++) limit.take(callerNamed(String(at)), 1);
  assert.throws(() => limit.take(first, 1), { kind: 'LimitExceeded' });
  limit.take(second, 1);
});

it('the message of a rate limit names the caller', () => {
  const limit = new RateLimit({ perMinute: 2, now: () => 0 });
  for (const [caller, name] of [
    [{ method: 'token' }, "the holder of the service's token"],
    [callerNamed('ada'), '"ada" of https://a.example.com'],
  ] as const) {
    assert.throws(() => limit.take(caller, 3), {
      message: `${name} may publish at most 2 profiles a minute, and the request has 3`,
    });
  }
});

it('a rate limit states no time after which to try again what it never allows', () => {
  const limit = new RateLimit({ perMinute: 10, now: () => 0 });
  const ada = callerNamed('ada');
  const never = { kind: 'LimitExceeded', retryAfter: undefined };
  assert.throws(() => limit.take(ada, 11), never);
  limit.take(ada, 1);
  assert.throws(() => limit.takeMore(ada, { taken: 1, amount: 10 }), never);
  limit.takeMore(ada, { taken: 1, amount: 9 });
  assert.throws(() => limit.takeMore(ada, { taken: 1, amount: 9 }), { retryAfter: 54 });
});
