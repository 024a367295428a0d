import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { exportSPKI, type JWTPayload } from 'jose';
import { audience, json, startTokenIssuer, type TokenIssuer } from '#test/support/oidc/token-issuer';
import { Authenticator } from './authenticator.ts';
import type { Authorization } from './authorization.ts';

const token = 'a-token-of-some-length';
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('Authenticator', () => {
  let issuer: TokenIssuer;
  let authenticator: Authenticator;
  before(async () => {
    issuer = await startTokenIssuer();
  });
  after(() => issuer.stop());
  beforeEach(() => {
    issuer.requests.length = 0;
    issuer.answers.clear();
    authenticator = authenticatorFor({ issuer: issuer.url });
  });

  function authenticatorFor(...issuers: Authorization['issuers']): Authenticator {
    return new Authenticator({ token, audience, authorization: { current: { source: 'a.yaml', issuers, rules: [] } } });
  }
  const present = (jwt: string, to = authenticator) => to.authenticate(`Bearer ${jwt}`);

  it('knows anonymous callers, the holder of the static token and the subject of a token', async () => {
    assert.deepEqual(await authenticator.authenticate(undefined), { method: 'anonymous' });
    assert.deepEqual(await present(token), { method: 'token' });
    const caller = await present(
      await issuer.sign({ repository: 'example/app', 'kubernetes.io': { namespace: 'ci' }, groups: ['a', 'b'], n: 7 }),
    );
    assert.equal(caller.method, 'oidc');
    assert.ok(caller.method === 'oidc');
    const { subject, claims } = caller;
    assert.equal(subject, 'repo:example/app:ref:refs/heads/main');
    assert.equal(claims['repository'], 'example/app');
    assert.equal(claims['kubernetes.io/namespace'], 'ci');
    assert.deepEqual(claims['groups'], ['a', 'b']);
    assert.equal(claims['n'], '7');
    await assert.rejects(present(`${token}x`), { kind: 'Unauthenticated' });
    await assert.rejects(authenticator.authenticate(`Basic ${token}`), { kind: 'Unauthenticated' });
  });

  it('takes no claim within another one for the claim that has this name itself', async () => {
    const names = { 'kubernetes.io': { namespace: 'mine' }, 'kubernetes.io/namespace': 'ci' };
    const caller = await present(await issuer.sign(names));
    assert.ok(caller.method === 'oidc');
    assert.equal(caller.claims['kubernetes.io/namespace'], 'ci');
  });

  it('takes claims from three levels, and ignores deeper ones', async () => {
    const caller = await present(await issuer.sign({ a: { b: { c: { d: 'shown', e: { f: 'hidden' } } } } }));
    assert.ok(caller.method === 'oidc');
    const nested = Object.keys(caller.claims).filter((name) => name.includes('/'));
    assert.deepEqual(nested, ['a/b/c/d']);
  });

  it('accepts no token of an issuer without an audience', async () => {
    const authorization = { current: { source: 'a.yaml', issuers: [{ issuer: issuer.url }], rules: [] } };
    await assert.rejects(present(await issuer.sign(), new Authenticator({ token, authorization })), {
      kind: 'Unauthenticated',
      message: 'the bearer token is wrong',
      hint: 'Send Authorization: Bearer with the token that the service was started with.',
    });
    assert.deepEqual(issuer.requests, []);
  });

  it('refuses a token whose key is listed in a form that cannot be imported', async () => {
    const key = { kty: 'EC', crv: 'P-256', alg: 'ES256', kid: '1', x: 'AAAA', y: 'AAAA' };
    issuer.answers.set('/keys', (response) => json(response, { keys: [key] }));
    await assert.rejects(present(await issuer.sign()), {
      kind: 'Unauthenticated',
      message: 'the token is refused: its key is invalid',
    });
  });

  it('keeps at most 200 claims', async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`claim_${n}`, n]));
    const caller = await present(await issuer.sign(many));
    assert.ok(caller.method === 'oidc');
    assert.equal(Object.keys(caller.claims).length, 200);
  });

  it('takes Basic credentials only where it is told to', async () => {
    const header = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
    await assert.rejects(authenticator.authenticate(header), { kind: 'Unauthenticated' });
    const reading = new Authenticator({ token, basic: true, authorization: { current: authorization } });
    assert.deepEqual(await reading.authenticate(header), { method: 'token' });
  });
  const authorization: Authorization = { source: 'a.yaml', issuers: [], rules: [] };

  it('refuses tokens that are not for it alone, not from the issuer, or not valid now', async () => {
    const now = Math.floor(Date.now() / 1000);
    const wrong: Record<string, JWTPayload> = {
      'another audience': { aud: 'https://other.example.com' },
      'several audiences': { aud: [audience, 'https://other.example.com'] },
      'no audience': { aud: [] },
      expired: { exp: now - 60 },
      'without an end': { exp: undefined as never },
      'not yet valid': { nbf: now + 60 },
      'issued in the future': { iat: now + 60 },
      'without a subject': { sub: '' },
      'a number as subject': { sub: 5 as never },
      'several subjects': { sub: ['repo:example/app:ref:refs/heads/main'] as never },
      'an object as subject': { sub: { length: 3 } as never },
      'another issuer': { iss: 'https://other.example.com' },
      'an issuer with a slash': { iss: `${issuer.url}/` },
    };
    for (const [name, claims] of Object.entries(wrong)) {
      await assert.rejects(present(await issuer.sign(claims)), { kind: 'Unauthenticated' }, name);
    }
    for (const claims of [{ aud: [audience] }, { exp: now - 10 }, { nbf: now + 10 }, { iat: now + 10 }]) {
      assert.equal((await present(await issuer.sign(claims))).method, 'oidc', JSON.stringify(claims));
    }
  });

  it('refuses tokens whose header chooses the algorithm or the key', async () => {
    const [, payload = '', signature] = (await issuer.sign()).split('.');
    const unsigned = `${encode({ alg: 'none', kid: '1' })}.${payload}.`;
    const shared = `${encode({ alg: 'HS256', kid: '1' })}.${payload}`;
    const secret = await exportSPKI(issuer.publicKey as Parameters<typeof exportSPKI>[0]);
    const hmac = `${shared}.${createHmac('sha256', secret).update(shared).digest('base64url')}`;
    const own = await startTokenIssuer();
    try {
      const foreign = await own.sign({ iss: issuer.url }, { jku: `${own.url}/keys`, kid: '1' });
      const embedded = await own.sign({ iss: issuer.url }, { jwk: { kty: 'EC' } as never, kid: '../../keys' });
      const altered = `${encode({ alg: 'ES256', kid: '1' })}.${encode({ iss: issuer.url, sub: 'x' })}.${signature}`;
      for (const jwt of [unsigned, hmac, foreign, embedded, altered, 'a.b.c', 'a..', '..']) {
        await assert.rejects(present(jwt), { kind: 'Unauthenticated' }, jwt);
      }
      assert.deepEqual(own.requests, []);
    } finally {
      await own.stop();
    }
  });

  it('reads the keys once for all callers, and not again for key ids that it does not know', async () => {
    const jwt = await issuer.sign();
    await Promise.all(Array.from({ length: 20 }, () => present(jwt)));
    assert.deepEqual(issuer.requests, ['/.well-known/openid-configuration', '/keys']);
    for (let at = 0; at < 20; at++) {
      await assert.rejects(present(await issuer.sign({}, { kid: `unknown-${at}` })), { kind: 'Unauthenticated' });
    }
    assert.equal(issuer.requests.length, 2);
  });

  it('answers Unavailable, with the time of the next attempt, while an issuer is down, and asks it rarely', async () => {
    issuer.answers.set('/.well-known/openid-configuration', (response) => response.destroy());
    const jwt = await issuer.sign();
    for (let at = 0; at < 5; at++) {
      await assert.rejects(present(jwt), { kind: 'Unavailable', retryAfter: 5 });
    }
    assert.equal(issuer.requests.length, 2, 'the first attempt is repeated');
  });

  it('gives up on an issuer that does not answer', async () => {
    issuer.answers.set('/keys', (response) => response.writeHead(200).write('{'));
    await assert.rejects(present(await issuer.sign()), {
      kind: 'Unavailable',
      message: `the keys of ${issuer.url} cannot be read: it has not answered within 5 s`,
    });
  });

  it('believes no issuer whose documents are of another one, elsewhere, too large or malformed', async () => {
    const other = await startTokenIssuer();
    const document = '/.well-known/openid-configuration';
    try {
      const lies: Record<string, [string, (response: Parameters<typeof json>[0]) => void]> = {
        'another issuer': [document, (to) => json(to, { issuer: other.url, jwks_uri: `${issuer.url}/keys` })],
        'another scheme': [document, (to) => json(to, { issuer: issuer.url, jwks_uri: 'https://127.0.0.1:1/keys' })],
        'a file': [document, (to) => json(to, { issuer: issuer.url, jwks_uri: 'file:///etc/passwd' })],
        'plain http': [document, (to) => json(to, { issuer: issuer.url, jwks_uri: 'http://192.0.2.1/keys' })],
        'a redirect': ['/keys', (to) => to.writeHead(302, { location: `${other.url}/keys` }).end()],
        'too large': ['/keys', (to) => json(to, { keys: [{ kty: 'EC', x: 'x'.repeat(300_000) }] })],
        'too many': ['/keys', (to) => json(to, { keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })],
        'no keys': ['/keys', (to) => json(to, [])],
        'no JSON': ['/keys', (to) => to.end('<html>')],
      };
      for (const [name, [path, answer]] of Object.entries(lies)) {
        issuer.answers.clear();
        issuer.answers.set(path, answer);
        const fresh = authenticatorFor({ issuer: issuer.url });
        await assert.rejects(present(await issuer.sign(), fresh), { kind: 'Unavailable' }, name);
      }
      assert.deepEqual(other.requests, []);
    } finally {
      await other.stop();
    }
  });

  it('follows the issuers of the authorization file', async () => {
    const source: { current: Authorization } = { current: { ...authorization, issuers: [{ issuer: issuer.url }] } };
    const following = new Authenticator({ audience, authorization: source });
    const jwt = await issuer.sign();
    assert.equal((await present(jwt, following)).method, 'oidc');
    source.current = { ...source.current, issuers: [{ issuer: issuer.url }, { issuer: 'https://other.example.com' }] };
    assert.equal((await present(jwt, following)).method, 'oidc');
    assert.equal(issuer.requests.length, 2);
    source.current = authorization;
    await assert.rejects(present(jwt, following), { kind: 'Unauthenticated' });
  });
});
