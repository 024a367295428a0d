import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { readProfile } from '#lib/profile/read-profile';
import { memoryRepository } from '#lib/registry/memory';
import { audience, startTokenIssuer, type TokenIssuer } from '#test/support/oidc/token-issuer';
import { Authenticator } from '../callers/authenticator.ts';
import { type Authorization, defaultAuthorization } from '../callers/authorization.ts';
import { parseAuthorization } from '../callers/parse-authorization.ts';
import { createPullServer } from './server.ts';

const token = 'a-token-for-the-test-only';

const onlyToken = `apiVersion: fairlead.dev/v1
kind: Authorization
rules: [{token: true, verbs: [read], repositories: ["**"]}]
`;

describe('the pull service with an authorization file', () => {
  let issuer: TokenIssuer;
  let app: FastifyInstance;
  let digest = '';
  let authorization: { current: Authorization };
  before(async () => {
    issuer = await startTokenIssuer();
    const target = memoryRepository();
    const content = new TextEncoder().encode('{"defaultAction":"SCMP_ACT_ERRNO"}\n');
    const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
    await pushArtifact(target, artifact, undefined, '1');
    digest = artifact.descriptor.digest;
    const text = `apiVersion: fairlead.dev/v1
kind: Authorization
issuers: [{issuer: "${issuer.url}"}]
rules:
  - {anyone: true, verbs: [read], repositories: [registry.example.com/public/**]}
  - {token: true, verbs: [read], repositories: ["**"]}
  - {issuer: "${issuer.url}", claims: {repository: example/app}, verbs: [read], repositories: [registry.example.com/app/*]}
`;
    authorization = { current: parseAuthorization(text, 'authorization.yaml') };
    const policy = {
      source: 'policy.yaml',
      rules: [{ match: '**', require: [], unsigned: true }],
      baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
      limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
      revision: '1',
    } as const;
    app = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: policy, inForce: true },
      connect: () => target,
      readers: { authorization, authenticator: new Authenticator({ token, audience, authorization, basic: true }) },
    });
  });
  after(async () => {
    await app.close();
    await issuer.stop();
  });

  const get = (url: string, authorization?: string) =>
    app.inject({ url, headers: authorization === undefined ? {} : { authorization } });
  const statusOf = async (url: string, authorization?: string) => (await get(url, authorization)).statusCode;
  const paths = (repository: string): string[] => [
    `/v1/profiles?reference=registry.example.com/${repository}@${digest}`,
    `/v1/profiles?reference=registry.example.com/${repository}:1`,
    `/v1/explain?reference=registry.example.com/${repository}:1`,
    `/v1/verification?reference=registry.example.com/${repository}:1`,
    `/v1/diff?from=registry.example.com/${repository}:1&to=registry.example.com/public/a:1`,
    `/v1/diff?to=registry.example.com/${repository}:1&from=registry.example.com/public/a:1`,
    `/v2/registry.example.com/${repository}/manifests/1`,
    `/v2/registry.example.com/${repository}/tags/list`,
  ];

  it('serves anonymous readers what the file allows to anyone, and asks others who they are', async () => {
    for (const path of paths('public/a')) assert.equal(await statusOf(path), 200, path);
    for (const path of paths('app/a')) {
      const refused = await get(path);
      assert.equal(refused.statusCode, 401, path);
      const scheme = path.startsWith('/v2') ? 'Basic' : 'Bearer';
      assert.equal(refused.headers['www-authenticate'], `${scheme} realm="fairlead"`);
    }
    for (const path of paths('app/a')) assert.equal(await statusOf(path, 'Bearer wrong'), 401, path);
  });

  it('serves the holder of the token, also as a client of registries sends it', async () => {
    const basic = `Basic ${Buffer.from(`x:${token}`).toString('base64')}`;
    for (const path of paths('app/a')) {
      // An answer to one reader must not be served to the next.
      assert.equal(await statusOf(path, `Bearer ${token}`), 200, path);
      assert.equal(await statusOf(path, basic), 200, path);
      assert.equal(await statusOf(path), 401, path);
    }
  });

  it('serves an identity what its rule allows', async () => {
    const allowed = `Bearer ${await issuer.sign({ repository: 'example/app' })}`;
    const other = `Bearer ${await issuer.sign({ repository: 'example/other' })}`;
    for (const path of paths('app/a')) {
      assert.equal(await statusOf(path, allowed), 200, path);
      assert.equal(await statusOf(path, other), 403, path);
    }
    assert.equal(await statusOf(`/v1/profiles?reference=registry.example.com/else/a:1`, allowed), 403);
  });

  it('lets no shared cache keep an answer', async () => {
    const pinned = await get(`/v1/profiles?reference=registry.example.com/public/a@${digest}`);
    assert.equal(pinned.headers['cache-control'], 'private, max-age=600, immutable');
    const tagged = await get('/v1/profiles?reference=registry.example.com/public/a:1');
    assert.equal(tagged.headers['cache-control'], 'private, no-cache');
  });
  it('serves nothing that it remembers to those who may not read it any more', async () => {
    const before = authorization.current;
    try {
      for (const path of paths('app/a')) {
        authorization.current = defaultAuthorization;
        assert.equal(await statusOf(path), 200, path);
        authorization.current = parseAuthorization(onlyToken, 'authorization.yaml');
        assert.equal(await statusOf(path), 401, path);
        assert.equal(await statusOf(path, `Bearer ${token}`), 200, path);
      }
    } finally {
      authorization.current = before;
    }
  });
});
