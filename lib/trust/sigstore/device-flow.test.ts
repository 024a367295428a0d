import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { FairleadError } from '#lib/errors';
import { deviceToken } from './device-flow.ts';

const issuer = 'https://oidc.example';
const discovery = {
  device_authorization_endpoint: `${issuer}/device/code`,
  token_endpoint: `${issuer}/token`,
};
const started = {
  device_code: 'device-secret',
  user_code: 'ABCD-EFGH',
  verification_uri: 'https://oidc.example/device',
  expires_in: 60,
  interval: 5,
};

/** Runs the flow against an issuer with these answers to polls, in order. */
async function flow(polls: readonly object[], changes: { discovery?: object; started?: object } = {}) {
  const asked: string[][] = [];
  const waits: number[] = [];
  const forms: URLSearchParams[] = [];
  const left = [...polls];
  const { token_endpoint: tokens, device_authorization_endpoint: start } = { ...discovery, ...changes.discovery };
  const token = deviceToken(issuer, {
    send: async ({ url, body }) => {
      if (body !== undefined) forms.push(new URLSearchParams(String(body)));
      const answer = (json: object, status = 200) => ({ status, body: Buffer.from(JSON.stringify(json)) });
      if (url === `${issuer}/.well-known/openid-configuration`) return answer({ ...discovery, ...changes.discovery });
      if (url === start) return answer({ ...started, ...changes.started });
      assert.equal(url, tokens);
      return answer(left.shift() ?? { error: 'authorization_pending' }, 400);
    },
    sleep: async (time) => void waits.push(time),
    ask: (...told) => void asked.push(told),
  });
  return { token: await token, asked, waits, forms };
}

describe('deviceToken', () => {
  it('asks the person, waits, and returns the token', async () => {
    const polls = [
      { error: 'authorization_pending' },
      { error: 'slow_down' },
      { id_token: 'a.b.c', access_token: 'x' },
    ];
    const { token, asked, waits, forms } = await flow(polls);
    assert.equal(token, 'a.b.c');
    assert.deepEqual(asked, [['https://oidc.example/device', 'ABCD-EFGH']]);
    assert.deepEqual(waits, [5000, 5000, 10_000]);
    const [first, poll] = forms;
    const challenge = createHash('sha256')
      .update(poll?.get('code_verifier') ?? '')
      .digest('base64url');
    assert.equal(first?.get('code_challenge'), challenge);
    assert.equal(poll?.get('device_code'), 'device-secret');
  });

  it('ends if the person refuses or does not log in', async () => {
    await assert.rejects(flow([{ error: 'access_denied' }]), { kind: 'Unauthenticated', message: /was refused/ });
    await assert.rejects(flow([{ error: 'expired_token' }]), { kind: 'Unauthenticated' });
    await assert.rejects(flow([]), { kind: 'Unauthenticated', message: /was not completed in time/ });
  });

  it('refuses invalid answers, shows nothing of them, and sends nothing in plaintext', async () => {
    const wrong: Parameters<typeof flow>[1][] = [
      { discovery: { token_endpoint: undefined } },
      { discovery: { token_endpoint: 'http://oidc.example/device-secret' } },
      { discovery: { device_authorization_endpoint: 'http://127.0.0.1.evil.example/device-secret' } },
      { started: { verification_uri: 'http://oidc.example/device-secret' } },
      { started: { verification_uri: 'https://oidc.example/\u001b[2J' } },
      { started: { user_code: '\u001b[2Jdevice-secret' } },
      { started: { device_code: undefined } },
    ];
    for (const changes of wrong) {
      await assert.rejects(flow([{ id_token: 'a.b.c' }], changes), (error) => {
        assert.ok(error instanceof FairleadError, inspect(error));
        assert.equal(error.kind, 'Unavailable');
        assert.doesNotMatch(inspect(error, { depth: 20 }), /device-secret/);
        return true;
      });
    }
    await assert.rejects(flow([{ id_token: ['device-secret'] }]), { kind: 'Unavailable' });
  });
});
