import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { memoryRepository } from '#lib/registry/memory';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { audience, startTokenIssuer, type TokenIssuer } from '#test/support/oidc/token-issuer';
import { Authenticator } from '../callers/authenticator.ts';
import { parseAuthorization } from '../callers/parse-authorization.ts';
import { createPushServer } from './server.ts';

const seccomp = '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}';

describe('the push service with an authorization file', () => {
  let issuer: TokenIssuer;
  let app: FastifyInstance;
  let asked = 0;
  before(async () => {
    issuer = await startTokenIssuer();
    const text = `apiVersion: fairlead.dev/v1
kind: Authorization
issuers: [{issuer: "${issuer.url}"}]
rules:
  - issuer: ${issuer.url}
    claims: {repository: example/app, ref: refs/heads/main}
    verbs: [publish]
    repositories: [registry.example.com/app/*]
    tags: ["1.*"]
    kinds: [Seccomp]
  - {issuer: "${issuer.url}", claims: {role: reader}, verbs: [read], repositories: ["**"]}
`;
    const authorization = { current: parseAuthorization(text, 'authorization.yaml') };
    app = await createPushServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      authenticator: new Authenticator({ audience, authorization }),
      authorization,
      policy: {
        current: {
          source: 'policy.yaml',
          rules: [{ match: '**', require: [], unsigned: true }],
          baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
          limits: { artifactBytes: maxArtifactBytes, entriesPerSyscall: 4096 },
          revision: '1',
        },
        inForce: true,
      },
      connect: () => {
        const memory = memoryRepository();
        return {
          ...memory,
          resolve: (name, options) => {
            asked++;
            return memory.resolve(name, options);
          },
        };
      },
    });
  });
  after(async () => {
    await app.close();
    await issuer.stop();
  });

  async function publish(reference: string, claims: object | undefined, payload = seccomp): Promise<number> {
    const credentials = claims && { authorization: `Bearer ${await issuer.sign({ ...claims })}` };
    const response = await app.inject({
      method: 'POST',
      url: '/v1/profiles',
      query: { reference },
      headers: { 'content-type': 'application/json', ...credentials },
      payload,
    });
    if (response.statusCode === 401) assert.match(String(response.headers['www-authenticate']), /^Bearer/);
    return response.statusCode;
  }
  const job = { repository: 'example/app', ref: 'refs/heads/main' };

  it('publishes what a rule allows the caller', async () => {
    assert.equal(await publish('registry.example.com/app/nginx:1.27', job), 201);
    assert.ok(asked > 0);
  });

  it('refuses other repositories, tags, kinds, claims and callers, before the registry is asked', async () => {
    const before = asked;
    const apparmor = '{"name": "a", "rules": []}';
    assert.equal(await publish('registry.example.com/other/nginx:1.27', job), 403);
    assert.equal(await publish('registry.example.com/app/nginx:2', job), 403);
    assert.equal(await publish('registry.example.com/app/nginx', job), 403);
    assert.equal(await publish('registry.example.com/app/nginx:1.27', { ...job, ref: 'refs/heads/x' }), 403);
    assert.equal(await publish('registry.example.com/app/nginx:1.27', { role: 'reader' }), 403);
    assert.equal(await publish('registry.example.com/app/nginx:1.27', {}), 403);
    assert.equal(await publish('registry.example.com/app/nginx:1.27', { ...job, aud: 'other' }), 401);
    assert.equal(await publish('registry.example.com/app/nginx:1.27', undefined), 401);
    assert.notEqual(await publish('registry.example.com/app/nginx:1.27', job, apparmor), 201);
    assert.equal(asked, before);
  });

  it('refuses a caller that may publish nothing before its request is examined', async () => {
    const claims = { role: 'reader' };
    const request = async (type: string) => ({
      method: 'POST' as const,
      url: '/v1/publications',
      headers: { 'content-type': type, authorization: `Bearer ${await issuer.sign(claims)}` },
      payload: seccomp,
    });
    assert.equal((await app.inject(await request('text/plain'))).statusCode, 403);
    const { body } = await app.inject('/metrics');
    assert.match(body, /^fairlead_publications_total\{.*outcome="refused".*\} [1-9][0-9]*$/m);
  });

  it('answers 503 and Retry-After while the issuer cannot be asked', async () => {
    const other = await startTokenIssuer();
    const authorization = {
      current: { source: 'a.yaml', issuers: [{ issuer: other.url }], rules: [] },
    };
    const authenticator = new Authenticator({ audience, authorization });
    const jwt = await other.sign();
    await other.stop();
    const service = await createPushServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      authenticator,
      authorization,
      policy: { current: { source: 'policy.yaml', rules: [] } as never, inForce: true },
      connect: () => memoryRepository(),
    });
    const response = await service.inject({
      method: 'POST',
      url: '/v1/profiles?reference=a.example.com/b:1',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${jwt}` },
      payload: seccomp,
    });
    assert.equal(response.statusCode, 503, response.body);
    assert.equal(response.headers['retry-after'], '5');
    await service.close();
  });
});
