import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JSONWebKeySet, jwtVerify } from 'jose';
import { FairleadError } from '#lib/errors';
import { startTokenIssuer } from '#test/support/oidc/token-issuer';
import { IssuerKeys } from './issuer-keys.ts';
import { verifyToken } from './verify-token.ts';

const minute = 60_000;

describe('IssuerKeys', () => {
  it('finds a new key 30 seconds after the last reading, and drops an old one after ten minutes', async () => {
    const issuer = await startTokenIssuer();
    try {
      let now = 0;
      let read = 0;
      const keys = new IssuerKeys(
        { issuer: issuer.url },
        {
          now: () => now,
          read: async () => {
            read++;
            return (await (await fetch(`${issuer.url}/keys`)).json()) as JSONWebKeySet;
          },
        },
      );
      const expected = { issuer: issuer.url, audience: 'https://fairlead.example.com', keys };
      const old = await issuer.sign();
      await verifyToken(old, expected);
      await issuer.rotate();
      const fresh = await issuer.sign();
      now = 29_000;
      await assert.rejects(verifyToken(fresh, expected), { kind: 'Unauthenticated' });
      assert.equal(read, 1);
      now = 30_000;
      await verifyToken(fresh, expected);
      assert.equal(read, 2);
      await assert.rejects(verifyToken(old, expected), { kind: 'Unauthenticated' });
      now += 10 * minute;
      await verifyToken(fresh, expected);
      assert.equal(read, 3);
    } finally {
      await issuer.stop();
    }
  });

  it('uses its keys for an hour while the issuer is down', async () => {
    let now = 0;
    let isDown = false;
    const read = async (): Promise<JSONWebKeySet> => {
      if (isDown) throw new FairleadError('Unavailable', 'down');
      return { keys: [] };
    };
    const keys = new IssuerKeys({ issuer: 'https://a.example.com' }, { now: () => now, read });
    await keys.find();
    isDown = true;
    now = 59 * minute;
    await keys.find();
    now = 60 * minute;
    await assert.rejects(keys.find(), { kind: 'Unavailable' });
    isDown = false;
    await assert.rejects(keys.find(), { kind: 'Unavailable' });
    now += 5000;
    await assert.rejects(jwtVerify('e30.e30.e30', await keys.find()));
  });

  it('refuses more callers than may wait for an issuer', async () => {
    const { promise, resolve } = Promise.withResolvers<JSONWebKeySet>();
    const keys = new IssuerKeys({ issuer: 'https://a.example.com' }, { now: () => 0, read: () => promise });
    const waiting = Array.from({ length: 256 }, () => keys.find());
    await assert.rejects(keys.find(), { kind: 'Unavailable', retryAfter: 5 });
    resolve({ keys: [] });
    await Promise.all(waiting);
    await keys.find();
  });
});
