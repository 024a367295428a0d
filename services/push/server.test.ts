import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { memoryRepository } from '#lib/registry/memory';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Policy } from '#lib/trust/policy/node-policy';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { Authenticator } from '../callers/authenticator.ts';
import { defaultAuthorization } from '../callers/authorization.ts';
import { createPushServer } from './server.ts';

const token = 'a-token-of-some-length';
const authorization = { current: defaultAuthorization };
const callers = { authorization, authenticator: new Authenticator({ token, authorization }) };
const profile = '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}';

describe('createPushServer', () => {
  let app: FastifyInstance;
  let policy: Policy;
  const target = memoryRepository();
  const newSigner = async (): Promise<KeySigner> =>
    keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  before(async () => {
    const signer = await newSigner();
    policy = {
      source: 'policy.yaml',
      rules: [
        {
          match: 'registry.example.com/security/**',
          require: [{ anyOf: [{ key: 'a.pub', publicKey: signer.key.publicKey }] }],
          unsigned: false,
        },
      ],
      baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
      limits: { artifactBytes: 1024, entriesPerSyscall: 2 },
      revision: '1',
    };
    const logger = pino({ level: 'silent' });
    app = await createPushServer({
      version: '0',
      logger,
      ...callers,
      policy: { current: policy, inForce: true },
      connect: () => target,
      signer,
    });
  });
  after(() => app.close());

  const post = (
    payload: string,
    options: { reference?: string; authorization?: string; type?: string } = {},
    to = app,
  ) =>
    to.inject({
      method: 'POST',
      url: '/v1/profiles',
      query: { reference: options.reference ?? 'registry.example.com/security/nginx:1' },
      headers: {
        'content-type': options.type ?? 'application/json',
        authorization: options.authorization ?? `Bearer ${token}`,
      },
      payload,
    });

  it('publishes and answers with the pinned reference', async () => {
    const response = await post(profile);
    assert.equal(response.statusCode, 201, response.body);
    const { reference, tag, digest, kind, findings, signature } = response.json();
    assert.equal(tag, '1');
    assert.equal((await post(profile, { reference: 'registry.example.com/security/nginx' })).json().tag, null);
    assert.equal(reference, `registry.example.com/security/nginx@${digest}`);
    assert.equal(kind, 'Seccomp');
    assert.ok(Array.isArray(findings));
    assert.match(signature, /^sha256:/);
    assert.equal((await target.resolve('1')).digest, digest);
  });

  it('takes the same profile as application/octet-stream', async () => {
    const [one, other] = [await post(profile), await post(profile, { type: 'application/octet-stream' })];
    assert.equal(other.json().digest, one.json().digest);
  });

  it('publishes nothing if the name of a parameter is misspelt', async () => {
    const response = await app.inject({
      method: 'POST',
      url: '/v1/profiles',
      query: { reference: 'registry.example.com/security/nginx:misspelt', titel: 'nginx.json' },
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      payload: profile,
    });
    assert.equal(response.statusCode, 400);
    assert.equal(response.json().detail, 'unknown query parameter "titel"');
    assert.equal(response.json().hint, 'Did you mean "title"?');
    await assert.rejects(target.resolve('misspelt'), { kind: 'NotFound' });
  });

  it('admits no client without the token', async () => {
    for (const authorization of [
      '',
      'Bearer wrong',
      `Basic ${token}`,
      `Bearer ${token}x`,
      `Bearer ${token.slice(1)}`,
    ]) {
      const response = await post(profile, { authorization });
      assert.equal(response.statusCode, 401, authorization);
      assert.match(String(response.headers['www-authenticate']), /^Bearer/);
      assert.equal(response.json().kind, 'Unauthenticated');
    }
  });

  it('answers an invalid profile with 422 and the place of the fault', async () => {
    const response = await post(
      '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": [], "action": "SCMP_ACT_NOPE"}]}',
    );
    assert.equal(response.statusCode, 422);
    assert.match(String(response.headers['content-type']), /^application\/problem\+json/);
    assert.match(response.json().pointer, /^\/syscalls\/0/);
  });

  it('answers a body that is compressed with 415 and the coding that it takes', async () => {
    const send = (coding: string) =>
      app.inject({
        method: 'POST',
        url: '/v1/profiles',
        query: { reference: 'registry.example.com/security/nginx:coded' },
        headers: {
          'content-type': 'application/json',
          'content-encoding': coding,
          authorization: `Bearer ${token}`,
        },
        payload: profile,
      });
    for (const coding of ['gzip', 'br, gzip']) {
      const response = await send(coding);
      assert.equal(response.statusCode, 415, response.body);
      assert.equal(response.headers['accept-encoding'], 'identity');
      assert.match(response.json().hint, /without Content-Encoding/);
    }
    assert.equal((await send('identity')).statusCode, 201);
  });

  it('answers a profile that other runtimes would refuse with 422, the places and the next step', async () => {
    const flags = ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_LOG'];
    const response = await post(JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: 4095, flags }));
    assert.equal(response.statusCode, 422, response.body);
    const { detail, pointer, hint } = response.json();
    assert.match(
      detail,
      /refuse this profile: at \/flags\/1: .* is listed twice; at \/defaultErrnoRet: 4095 is above 4094/,
    );
    assert.equal(pointer, '/flags/1');
    assert.match(hint, /fairlead lint FILE/);
  });

  it('answers a profile in another form with 422 and the command that converts it', async () => {
    const entry = (members: string) =>
      `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ALLOW",${members}}]}`;
    const resource = (kind: string) => `apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: ${kind}\n`;
    const refused: readonly (readonly [string, RegExp, string?])[] = [
      [entry('"includes":{"caps":["CAP_SYS_ADMIN"]}'), /form of Docker/, '/syscalls/0/includes'],
      [entry('"EXCLUDES":{}'), /form of Docker/, '/syscalls/0/EXCLUDES'],
      [entry('"why":1'), /unknown member/, '/syscalls/0/why'],
      [entry('"Args":[]'), /another letter case/, '/syscalls/0/Args'],
      [resource('SeccompProfile'), /custom resource/],
      [JSON.stringify({ kind: 'AppArmorProfile', spec: {} }), /custom resource/, '/kind'],
    ];
    for (const [text, detail, pointer] of refused) {
      const response = await post(text, { type: 'application/octet-stream' });
      assert.equal(response.statusCode, 422, response.body);
      const problem = response.json();
      assert.match(problem.detail, detail);
      assert.match(problem.hint, /fairlead convert --to runtime FILE/);
      assert.equal(problem.pointer, pointer);
      assert.doesNotMatch(response.body, /\/work|\/home|\.ts\b/);
    }
    const selinux = await post(resource('SelinuxProfile'), { type: 'application/octet-stream' });
    assert.match(selinux.json().detail, /SELinux profile, which cannot be published/);
    const twice = await post(entry('"includes":{},"Includes":{}'));
    assert.match(twice.json().hint, /fairlead convert --to runtime FILE/);
  });

  it('refuses what the policy has no rule for, what is too large, and what is malformed', async () => {
    const cases: readonly [Promise<Awaited<ReturnType<typeof post>>>, number, string][] = [
      [post(profile, { reference: 'other.example.com/nginx:1' }), 403, 'NotAllowed'],
      [post(profile.padEnd(2000)), 413, 'LimitExceeded'],
      [post('not json'), 422, 'ProfileInvalid'],
      [post(profile, { reference: 'nginx' }), 400, 'InvalidInput'],
      [post(profile, { type: 'text/yaml' }), 415, 'InvalidInput'],
    ];
    for (const [answer, status, kind] of cases) {
      const response = await answer;
      assert.equal(response.statusCode, status, response.body);
      assert.equal(response.json().kind, kind);
    }
  });

  it('names the media types that it takes where another is sent, or none', async () => {
    for (const [type, what] of [
      ['text/yaml', 'the media type "text/yaml"'],
      ['application/yaml; charset=utf-8', 'the media type "application/yaml; charset=utf-8"'],
      ['application/x-www-form-urlencoded', 'the media type "application/x-www-form-urlencoded"'],
      ['nonsense', 'the media type "nonsense"'],
      [undefined, 'no media type'],
    ] as const) {
      const url = '/v1/profiles?reference=registry.example.com/security/nginx:1';
      const headers = { authorization: `Bearer ${token}`, ...(type !== undefined && { 'content-type': type }) };
      const response = await app.inject({ method: 'POST', url, headers, payload: Buffer.from(profile) });
      assert.equal(response.statusCode, 415, response.body);
      assert.equal(response.headers['accept'], 'application/json, application/octet-stream');
      const { detail, hint } = response.json();
      assert.equal(detail, `the profile was sent with ${what}`);
      assert.match(hint, /^Send it with Content-Type: application\/json or application\/octet-stream\./);
    }
    assert.equal((await post(profile, { type: 'application/json; charset=utf-8' })).statusCode, 201);
  });

  it('hides the path of the policy from callers', async () => {
    const hidden = await createPushServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      ...callers,
      policy: { current: { ...policy, source: '/etc/fairlead/policy.yaml' }, inForce: true },
      connect: () => target,
      localPaths: { '/var/lib/fairlead': 'the registry' },
    });
    try {
      const response = await post(profile, { reference: 'other.example.com/nginx:1' }, hidden);
      assert.equal(response.statusCode, 403);
      assert.match(response.json().detail, /^the trust policy does not allow/);
      assert.doesNotMatch(response.body, /\/etc/);
    } finally {
      await hidden.close();
    }
  });

  it('tags nothing that is not signed as the policy asks', async () => {
    const strict = await createPushServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      ...callers,
      policy: { current: policy, inForce: true },
      connect: () => ({ ...target, tag: () => assert.fail('tagged') }),
      signer: await newSigner(),
    });
    try {
      const response = await post(profile.replace('read', 'write'), {}, strict);
      assert.equal(response.statusCode, 403, response.body);
      assert.equal(response.json().kind, 'SignatureInvalid');
      assert.match(response.json().detail, /^sent, but not tagged: no signature of .* meets rule/);
    } finally {
      await strict.close();
    }
  });

  it('gives up on a registry that does not answer, and reads no more of a body than any profile may have', async () => {
    const hanging = await createPushServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      ...callers,
      policy: { current: policy, inForce: true },
      connect: () => ({
        ...target,
        push: (_blob, _content, { signal } = {}) => {
          assert.ok(signal);
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        },
        tag: () => assert.fail('tagged'),
      }),
      signer: await newSigner(),
      timeout: 50,
    });
    try {
      const response = await post(profile, {}, hanging);
      assert.equal(response.statusCode, 503, response.body);
      const long = await post(profile.padEnd(maxArtifactBytes + 1), {}, hanging);
      assert.equal(long.statusCode, 413);
      assert.match(long.json().detail, /body is too large/);
    } finally {
      await hanging.close();
    }
  });

  it('asks for a body', async () => {
    const headers = { authorization: `Bearer ${token}` };
    for (const payload of [undefined, '']) {
      const url = '/v1/profiles?reference=registry.example.com/security/nginx:1';
      const response = await app.inject({ method: 'POST', url, headers, ...(payload !== undefined && { payload }) });
      assert.ok([400, 415].includes(response.statusCode), response.body);
      assert.equal(response.json().kind, 'InvalidInput');
    }
  });

  it('documents its route', async () => {
    const { paths, components } = (await app.inject('/openapi.json')).json();
    const { post: operation } = paths['/v1/profiles'];
    assert.deepEqual(Object.keys(operation.responses), ['200', '201', 'default']);
    assert.deepEqual(Object.keys(operation.requestBody.content), ['application/json', 'application/octet-stream']);
    assert.equal(components.securitySchemes.bearer.scheme, 'bearer');
  });
});
