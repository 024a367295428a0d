import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import type { HttpRequest, Transport } from '../../network/transport.ts';
import type { Credentials } from '../credentials/credentials.ts';
import { Authorizer } from './auth.ts';

/** A token service that returns `answer` to all requests, and the requests. */
function tokenService(
  answer: object = { token: 'the-token' },
  status = 200,
): { transport: Transport; seen: HttpRequest[] } {
  const seen: HttpRequest[] = [];
  const transport: Transport = {
    async send(request) {
      seen.push(request);
      return {
        status,
        header: () => undefined,
        body: (async function* () {})(),
        text: async () => JSON.stringify(answer),
        discard: async () => undefined,
      };
    },
  };
  return { transport, seen };
}

const user: Credentials = { username: 'u', password: 'a-secret' };
const scopes = ['repository:a:pull'];
const challenge = (realm: string): string => `Bearer realm="${realm}",service="s"`;

function authorizer(
  registry: string,
  who: Credentials | undefined,
  transport: Transport,
  trustedRealms: string[] = [],
) {
  let now = 0;
  const made = new Authorizer({
    registry: new URL(registry),
    credentials: async () => who,
    transport,
    trustedRealms,
    clock: () => now,
  });
  return Object.assign(made, { wait: (milliseconds: number) => (now += milliseconds) });
}

describe('where credentials may go', () => {
  const allowed: [string, string][] = [
    ['https://registry-1.docker.io', 'https://auth.docker.io/token'],
    ['https://registry.gitlab.com', 'https://gitlab.com/jwt/auth'],
    ['https://ghcr.io', 'https://ghcr.io/token'],
    ['https://example.com', 'https://auth.example.com/token'],
    ['https://registry.example.co.uk', 'https://auth.example.co.uk/token'],
    ['https://10.0.0.1:5000', 'https://10.0.0.1:5001/token'],
    ['http://127.0.0.1:5000', 'http://localhost:5001/token'],
    ['http://lan.example:5000', 'http://lan.example:5001/token'],
  ];
  for (const [registry, realm] of allowed) {
    it(`from ${registry} to ${realm}`, async () => {
      const { transport, seen } = tokenService();
      const header = await authorizer(registry, user, transport).answer(challenge(realm), scopes, undefined, undefined);
      assert.equal(header, 'Bearer the-token');
      assert.match(seen[0]?.headers['authorization'] ?? '', /^Basic /);
    });
  }

  const refused: [string, string][] = [
    ['https://registry.example.com', 'https://evil.com/token'],
    ['https://registry.example.com', 'https://registry.example.com.evil.com/token'],
    ['https://registry.example.com', 'https://evilexample.com/token'],
    ['https://registry.a.co.uk', 'https://evil.co.uk/token'],
    ['https://registry.example.com', 'http://registry.example.com/token'],
    ['https://127.0.0.1:5000', 'http://127.0.0.1:5001/token'],
    ['http://127.0.0.1:5000', 'http://10.0.0.1/token'],
    ['http://lan.example:5000', 'http://other.example/token'],
    ['https://10.0.0.1', 'https://10.0.0.2/token'],
    ['https://registry.example.com', 'https://169.254.169.254/token'],
  ];
  for (const [registry, realm] of refused) {
    it(`not from ${registry} to ${realm}`, async () => {
      const { transport, seen } = tokenService();
      const asking = authorizer(registry, user, transport).answer(challenge(realm), scopes, undefined, undefined);
      await assert.rejects(asking, { kind: 'NotAllowed' });
      assert.deepEqual(seen, []);
    });
  }

  it('nowhere else, but anonymous tokens come from any HTTPS realm, and trusted realms are trusted', async () => {
    const { transport, seen } = tokenService();
    const realm = challenge('https://tokens.other.com/token');
    const anonymous = authorizer('https://registry.example.com', undefined, transport);
    assert.equal(await anonymous.answer(realm, scopes, undefined, undefined), 'Bearer the-token');
    assert.equal(seen[0]?.headers['authorization'], undefined);
    const told = authorizer('https://registry.example.com', user, transport, ['tokens.other.com']);
    const otherPort = challenge('https://tokens.other.com:8443/token');
    await assert.rejects(told.answer(otherPort, scopes, undefined, undefined), { kind: 'NotAllowed' });
    assert.equal(await told.answer(realm, scopes, undefined, undefined), 'Bearer the-token');
  });
});

describe('the text of a refusal by a token service', () => {
  const refused = async (registry: string, realm: string, trusted: string[] = []): Promise<string> => {
    const { transport } = tokenService({ details: 'plan expired' }, 403);
    const asking = authorizer(registry, undefined, transport, trusted).answer(challenge(realm), scopes, '', undefined);
    return asking.then(
      () => assert.fail('it was not refused'),
      (error: Error) => error.message,
    );
  };

  it('is shown if it belongs to the registry, or is trusted', async () => {
    assert.match(await refused('https://registry.example.com', 'https://auth.example.com/token'), /plan expired/);
    const trusted = ['tokens.other.com'];
    assert.match(await refused('https://registry.example.com', 'https://tokens.other.com/', trusted), /plan expired/);
  });

  it('shows no word of a token service on another domain', async () => {
    assert.match(await refused('https://registry.example.com', 'https://internal.corp/admin'), /\/admin: 403$/);
  });
});

describe('tokens', () => {
  it('are kept by scope for as long as they live, less a little', async () => {
    const { transport, seen } = tokenService({ access_token: 'the-token', expires_in: 100 });
    const held = authorizer('https://a.io', user, transport);
    await held.answer(challenge('https://a.io/token'), scopes, undefined, undefined);
    await held.header(['repository:a:pull'], undefined);
    assert.equal(seen.length, 1);
    await held.header(['repository:a:pull,push'], undefined);
    assert.equal(seen.length, 2);
    held.wait(74_000);
    await held.header(scopes, undefined);
    assert.equal(seen.length, 2);
    held.wait(2000);
    await held.header(scopes, undefined);
    assert.equal(seen.length, 3);
  });

  it('are asked for with what a request needs, not with what an earlier challenge wanted', async () => {
    const { transport, seen } = tokenService();
    const held = authorizer('https://registry.example.com', user, transport);
    const wider = `${challenge('https://registry.example.com/token')},scope="repository:a:pull,push"`;
    await held.answer(wider, ['repository:a:pull,push'], undefined, undefined);
    await held.header(['repository:a:pull'], undefined);
    assert.deepEqual(
      seen.map(({ url }) => url.searchParams.get('scope')),
      ['repository:a:pull,push', 'repository:a:pull'],
    );
  });

  it('are asked for once by many at the same time', async () => {
    const { transport, seen } = tokenService();
    const held = authorizer('https://a.io', user, transport);
    const answers = Array.from({ length: 10 }, () =>
      held.answer(challenge('https://a.io/token'), scopes, undefined, undefined),
    );
    await Promise.all(answers);
    assert.equal(seen.length, 1);
  });

  it('are taken from the field that has one, the others being empty or null', async () => {
    for (const answer of [
      { token: 'the-token', access_token: '', refresh_token: null, expires_in: null },
      { token: null, access_token: 'the-token' },
    ]) {
      const held = authorizer('https://a.io', user, tokenService(answer).transport);
      assert.equal(
        await held.answer(challenge('https://a.io/token'), scopes, undefined, undefined),
        'Bearer the-token',
      );
    }
  });

  it('that one caller waits for do not block another, whichever of them gives up', async () => {
    const { transport, seen } = tokenService();
    const first = new AbortController();
    const slow: Transport = {
      async send(request) {
        if (seen.push(request) > 1) return transport.send(request);
        return new Promise((_resolve, reject) => {
          request.signal?.addEventListener('abort', () => reject(request.signal?.reason));
        });
      },
    };
    const held = authorizer('https://a.io', user, slow);
    const ask = (signal?: AbortSignal) => held.answer(challenge('https://a.io/token'), scopes, undefined, signal);
    const gone = assert.rejects(ask(first.signal), /first gave up/);
    const patient = ask();
    const second = new AbortController();
    const impatient = assert.rejects(ask(second.signal), /second gave up/);
    second.abort(new Error('second gave up'));
    await impatient;
    assert.equal(seen.length, 1);
    first.abort(new Error('first gave up'));
    await gone;
    assert.equal(await patient, 'Bearer the-token');
  });

  it('that are refused are asked for once by many at the same time, and again later', async () => {
    let asked = 0;
    const transport: Transport = {
      async send() {
        asked++;
        throw new FairleadError('Unavailable', 'no token service');
      },
    };
    const held = authorizer('https://a.io', user, transport);
    const ask = () => held.answer(challenge('https://a.io/token'), scopes, undefined, undefined);
    const answers = await Promise.allSettled(Array.from({ length: 10 }, ask));
    assert(answers.every(({ status }) => status === 'rejected'));
    assert.equal(asked, 1);
    await assert.rejects(ask(), { kind: 'Unavailable' });
    assert.equal(asked, 2);
  });

  it('are got once a credential helper that failed works again', async () => {
    let broken = true;
    const { transport } = tokenService();
    const held = new Authorizer({
      registry: new URL('https://a.io'),
      credentials: async () => {
        if (broken) throw new FairleadError('Unauthenticated', 'the helper failed');
        return user;
      },
      transport,
      trustedRealms: [],
      clock: () => 0,
    });
    await assert.rejects(held.header(scopes, undefined), { kind: 'Unauthenticated' });
    broken = false;
    assert.equal(await held.header(scopes, undefined), undefined);
  });

  it('are asked for with an identity token by OAuth2, and a new one that comes back is used next', async () => {
    const { transport, seen } = tokenService({ access_token: 'the-token', refresh_token: 'second', expires_in: 0 });
    const held = authorizer('https://a.io', { identityToken: 'first' }, transport);
    await held.answer(challenge('https://a.io/token'), scopes, undefined, undefined);
    await held.header(scopes, undefined);
    const forms = seen.map(({ body }) =>
      Object.fromEntries(new URLSearchParams(Buffer.from(body as Uint8Array).toString())),
    );
    const form = { grant_type: 'refresh_token', client_id: 'fairlead', service: 's', scope: 'repository:a:pull' };
    assert.deepEqual(forms, [
      { ...form, refresh_token: 'first' },
      { ...form, refresh_token: 'second' },
    ]);
    assert(seen.every(({ method, headers }) => method === 'POST' && headers['authorization'] === undefined));
  });

  it('of the registry itself are sent as they are, without asking', async () => {
    const { transport, seen } = tokenService();
    const held = authorizer('https://a.io', { registryToken: 'own' }, transport);
    assert.equal(await held.header(scopes, undefined), 'Bearer own');
    assert.equal(await held.answer(challenge('https://a.io/token'), scopes, 'Bearer own', undefined), undefined);
    assert.deepEqual(seen, []);
  });

  it('are not requested if the registry accepts only Basic', async () => {
    const { transport } = tokenService();
    const held = authorizer('https://a.io', user, transport);
    assert.equal(await held.header(scopes, undefined), undefined);
    const header = await held.answer('Basic realm="r"', scopes, undefined, undefined);
    assert.match(header ?? '', /^Basic /);
    assert.equal(await held.header(scopes, undefined), header);
    assert.equal(await held.answer('Basic realm="r"', scopes, header, undefined), undefined);
  });
});
