import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { FairleadError } from '#lib/errors';
import type { ServiceRequest } from '../../network/service-client.ts';
import { ambientToken, checkIdentityToken, jobToken, type TokenDependencies } from './identity-token.ts';

const nothing: TokenDependencies = {
  env: {},
  send: () => assert.fail('nothing is to be sent'),
  run: () => assert.fail('nothing is to be run'),
};

const github = {
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://actions.example/token?api-version=2',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
};

describe('ambientToken', () => {
  it('finds none outside of CI', async () => {
    assert.equal(await ambientToken(nothing), undefined);
    assert.equal(await ambientToken({ ...nothing, env: { BUILDKITE: 'false', SIGSTORE_ID_TOKEN: '' } }), undefined);
  });

  it('uses SIGSTORE_ID_TOKEN, from GitLab CI or elsewhere', async () => {
    assert.equal(await ambientToken({ ...nothing, env: { SIGSTORE_ID_TOKEN: 'a.b.c', ...github } }), 'a.b.c');
  });

  it('requests one from GitHub Actions, for the right audience', async () => {
    const asked: ServiceRequest[] = [];
    const token = await ambientToken({
      ...nothing,
      env: github,
      send: async (request) => {
        asked.push(request);
        return { status: 200, body: Buffer.from('{"value":"a.b.c"}') };
      },
    });
    assert.equal(token, 'a.b.c');
    assert.equal(asked[0]?.url, 'https://actions.example/token?api-version=2&audience=sigstore');
    assert.equal(asked[0]?.headers?.['authorization'], 'Bearer request-secret');
  });

  it('requests one from the agent of Buildkite', async () => {
    const env = { BUILDKITE: 'true' };
    const run: TokenDependencies['run'] = async (...command) => {
      assert.deepEqual(command, ['buildkite-agent', ['oidc', 'request-token', '--audience', 'sigstore']]);
      return 'a.b.c\n';
    };
    assert.equal(await ambientToken({ ...nothing, env, run }), 'a.b.c');
  });

  it('reports which system did not issue a token, and shows no secret', async () => {
    const answering = (status: number, text: string): TokenDependencies => ({
      ...nothing,
      env: github,
      send: async () => ({ status, body: Buffer.from(text) }),
    });
    const failing: [TokenDependencies, RegExp][] = [
      [answering(403, 'request-secret'), /403/],
      [answering(302, 'request-secret'), /302/],
      [answering(200, '{"valeu":"a.b.c"}'), /does not contain a token/],
      [answering(200, '"request-secret'), /does not contain a token/],
      [{ ...nothing, env: github, send: () => Promise.reject(new Error('request-secret')) }, /unreachable/],
      [{ ...nothing, env: { ...github, ACTIONS_ID_TOKEN_REQUEST_URL: 'request-secret' } }, /want an https URL/],
      [{ ...nothing, env: { ...github, ACTIONS_ID_TOKEN_REQUEST_URL: 'http://actions.example' } }, /want an https URL/],
      [
        { ...nothing, env: { BUILDKITE: 'true' }, run: () => Promise.reject(new Error('request-secret')) },
        /buildkite-agent oidc request-token failed/,
      ],
    ];
    for (const [dependencies, message] of failing) {
      await assert.rejects(ambientToken(dependencies), (error) => {
        assert.ok(error instanceof FairleadError);
        assert.equal(error.kind, 'Unavailable');
        assert.match(error.message, message);
        assert.doesNotMatch(inspect(error, { depth: 20 }), /request-secret/);
        return true;
      });
    }
  });
});

describe('jobToken', () => {
  it('is for another audience, and never the token for Sigstore', async () => {
    const env = { ...github, SIGSTORE_ID_TOKEN: 'for.sigstore.only' };
    const audience = 'https://push.example.com';
    const token = await jobToken(audience, {
      ...nothing,
      env,
      send: async ({ url }) => {
        assert.equal(new URL(url).searchParams.get('audience'), audience);
        return { status: 200, body: Buffer.from('{"value":"a.b.c"}') };
      },
    });
    assert.equal(token, 'a.b.c');
    assert.equal(await jobToken(audience, { ...nothing, env: { SIGSTORE_ID_TOKEN: 'a.b.c' } }), undefined);
  });
});

describe('checkIdentityToken', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const tokenOf = (claims: unknown): string =>
    `eyJhbGciOiJub25lIn0.${Buffer.from(typeof claims === 'string' ? claims : JSON.stringify(claims)).toString('base64url')}.c2ln`;

  it('accepts tokens that name an identity and have not expired', () => {
    for (const claims of [
      { sub: 'repo:acme/profiles:ref:refs/heads/main', exp: now / 1000 + 1 },
      { sub: 'me', email: 'me@acme.example', email_verified: true },
    ]) {
      assert.equal(checkIdentityToken(`${tokenOf(claims)}\n`, now), tokenOf(claims));
    }
  });

  it('refuses other texts, and shows nothing of them', () => {
    const wrong: [string, RegExp][] = [
      ['', /not a JSON web token/],
      ['secretsecret', /not a JSON web token/],
      [`${tokenOf({ sub: 'secretsecret' })}.more`, /not a JSON web token/],
      [tokenOf('secretsecret'), /not a JSON web token/],
      [tokenOf('"secretsecret"'), /not a JSON web token/],
      [tokenOf({ sub: ['secretsecret'] }), /not a JSON web token/],
      [tokenOf({ sub: 'secretsecret'.repeat(10_000) }), /not a JSON web token/],
      [tokenOf({ aud: 'secretsecret' }), /neither subject nor e-mail/],
      [tokenOf({ sub: 'secretsecret', email: 'secretsecret@a.b' }), /not verified the e-mail/],
      [tokenOf({ sub: 'secretsecret', exp: now / 1000 }), /expired/],
    ];
    for (const [token, message] of wrong) {
      assert.throws(
        () => checkIdentityToken(token, now),
        (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.kind, 'InvalidInput');
          assert.match(error.message, message);
          assert.doesNotMatch(inspect(error, { depth: 20 }), /secretsecret/);
          return true;
        },
      );
    }
  });
});
