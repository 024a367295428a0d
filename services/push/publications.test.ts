import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { FairleadError } from '#lib/errors';
import { memoryRepository } from '#lib/registry/memory';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { audience, startTokenIssuer, type TokenIssuer } from '#test/support/oidc/token-issuer';
import { Authenticator } from '../callers/authenticator.ts';
import { parseAuthorization } from '../callers/parse-authorization.ts';
import { RateLimit } from '../callers/rate-limit.ts';
import { type AuditLog, openAuditLog } from './audit-log.ts';
import { createPushServer, type PushServerOptions } from './server.ts';

const profile = (...calls: string[]): string =>
  JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: calls, action: 'SCMP_ACT_ALLOW' }] });
const newSigner = async (): Promise<KeySigner> => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const name = (tag: string): string => `registry.example.com/security/nginx:${tag}`;

type Part = readonly [name: string, value: string | Uint8Array];

describe('POST /v1/publications', () => {
  let issuer: TokenIssuer;
  let directory: string;
  let app: FastifyInstance;
  let options: PushServerOptions;
  let service: KeySigner;
  let caller: KeySigner;
  let target: Repository;
  let pushed: number;
  let audit: AuditLog;
  let authorization: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-publications-'));
    [issuer, service, caller] = await Promise.all([startTokenIssuer(), newSigner(), newSigner()]);
    authorization = `Bearer ${await issuer.sign({ repository: 'example/app', secret: 'not recorded' })}`;
  });
  after(async () => {
    await issuer.stop();
    await rm(directory, { recursive: true });
  });
  beforeEach(async () => {
    const memory = memoryRepository();
    pushed = 0;
    target = {
      ...memory,
      push: (...args) => {
        pushed++;
        return memory.push(...args);
      },
    };
    await rm(join(directory, 'audit'), { force: true });
    audit = await openAuditLog(join(directory, 'audit'), { now: () => new Date(0), onError: assert.fail });
    const text = `apiVersion: fairlead.dev/v1
kind: Authorization
issuers: [{issuer: "${issuer.url}"}]
rules:
  - issuer: ${issuer.url}
    claims: {repository: example/app}
    verbs: [publish]
    repositories: [registry.example.com/security/*]
`;
    const rules = { current: parseAuthorization(text, 'authorization.yaml') };
    options = {
      version: '0',
      logger: pino({ level: 'silent' }),
      authenticator: new Authenticator({ audience, authorization: rules }),
      authorization: rules,
      audit,
      rateLimit: new RateLimit({ perMinute: 20, now: () => 0 }),
      policy: {
        current: {
          source: 'policy.yaml',
          rules: [
            {
              match: 'registry.example.com/**',
              unsigned: false,
              require: [
                { anyOf: [service, caller].map(({ key: { publicKey } }, at) => ({ key: `${at}.pub`, publicKey })) },
              ],
            },
          ],
          baseline: { seccomp: 'RuntimeDefault', apparmor: 'RuntimeDefault' },
          limits: { artifactBytes: maxArtifactBytes, entriesPerSyscall: 4096 },
          revision: '1',
        },
        inForce: true,
      },
      connect: () => target,
      signer: service,
    };
    app = await createPushServer(options);
  });

  function post(parts: readonly Part[], url = '/v1/publications') {
    const form = new FormData();
    for (const [field, value] of parts) {
      if (field === 'profile' || field === 'bundle') form.append(field, new Blob([value as string]), `${field}.json`);
      else form.append(field, value as string);
    }
    return send(form, url);
  }
  async function send(form: FormData, url = '/v1/publications') {
    const response = new Response(form);
    const contentType = response.headers.get('content-type') ?? '';
    const payload = Buffer.from(await response.arrayBuffer());
    return app.inject({ method: 'POST', url, headers: { 'content-type': contentType, authorization }, payload });
  }
  const audited = async (): Promise<Record<string, unknown>[]> =>
    (await readFile(join(directory, 'audit'), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));

  it('publishes each profile with its own reference and parameters', async () => {
    const parts: Part[] = [
      ['reference', name('1')],
      ['title', 'nginx.json'],
      ['profile', profile('read')],
      ['reference', name('2')],
      ['profile', profile('write')],
    ];
    const response = await post(parts);
    assert.equal(response.statusCode, 201, response.body);
    const { publications } = response.json();
    assert.deepEqual(
      publications.map(({ tag }: { tag: string }) => tag),
      ['1', '2'],
    );
    assert.equal((await target.resolve('2')).digest, publications[1].digest);
    const again = await post(parts);
    assert.equal(again.json().publications[0].digest, publications[0].digest);
    assert.ok(again.json().publications[0].alreadySigned);
    const lines = await audited();
    assert.deepEqual(
      lines.map(({ outcome, tags }) => [outcome, tags]),
      [
        ['published', ['1']],
        ['published', ['2']],
        ['unchanged', ['1']],
        ['unchanged', ['2']],
      ],
    );
    const { caller: recorded, digest, reference, kind } = lines[0] ?? {};
    const claims = { repository: 'example/app' };
    const subject = 'repo:example/app:ref:refs/heads/main';
    assert.deepEqual(recorded, { method: 'oidc', issuer: issuer.url, subject, claims });
    assert.equal(digest, publications[0].digest);
    assert.equal(reference, publications[0].reference);
    assert.equal(kind, 'Seccomp');
    assert.doesNotMatch(JSON.stringify(lines), /Bearer|not recorded|eyJ/);
  });

  it('records the publication of one profile', async () => {
    const url = '/v1/profiles?reference=registry.example.com/security/nginx:1';
    const headers = { 'content-type': 'application/json', authorization };
    const response = await app.inject({ method: 'POST', url, headers, payload: profile('read') });
    assert.equal(response.statusCode, 201, response.body);
    assert.deepEqual(
      (await audited()).map(({ outcome, digest }) => [outcome, digest]),
      [['published', response.json().digest]],
    );
  });

  it('records who was refused, also without credentials', async () => {
    const url = '/v1/profiles?reference=registry.example.com/security/nginx:1';
    const headers = { 'content-type': 'application/json' };
    const response = await app.inject({ method: 'POST', url, headers, payload: profile('read') });
    assert.equal(response.statusCode, 401, response.body);
    const last = (await audited()).at(-1);
    assert.deepEqual(
      [last?.['outcome'], last?.['caller'], last?.['error'], last?.['reference']],
      ['refused', { method: 'anonymous' }, 'Unauthenticated', 'registry.example.com/security/nginx:1'],
    );
  });

  it('publishes several profiles without a tag in one repository', async () => {
    const repository = 'registry.example.com/security/nginx';
    const response = await post([
      ['reference', repository],
      ['profile', profile('read')],
      ['reference', repository],
      ['profile', profile('write')],
    ]);
    assert.equal(response.statusCode, 201, response.body);
    assert.equal(response.json().publications.length, 2);
  });

  it('publishes nothing if one of them cannot be published', async () => {
    const good: Part[] = [
      ['reference', name('1')],
      ['profile', profile('read')],
    ];
    const bad: [Part[], number][] = [
      [
        [
          ['reference', name('2')],
          ['profile', '{"defaultAction": "SCMP_ACT_NOPE"}'],
        ],
        422,
      ],
      [
        [
          ['reference', 'registry.example.com/other/nginx:1'],
          ['profile', profile('read')],
        ],
        403,
      ],
      [
        [
          ['reference', 'other.example.com/security/nginx:1'],
          ['profile', profile('read')],
        ],
        403,
      ],
      ...[name('1'), name('1').replace('registry', 'Registry'), name('1').replace('/', ':443/')].map(
        (same): [Part[], number] => [
          [
            ['reference', same],
            ['profile', profile('write')],
          ],
          400,
        ],
      ),
      [
        [
          ['reference', name('2')],
          ['bundle', '{}'],
          ['profile', profile('read')],
        ],
        403,
      ],
    ];
    for (const [parts, status] of bad) {
      const response = await post([...good, ...parts]);
      assert.equal(response.statusCode, status, response.body);
    }
    assert.equal(pushed, 0);
    assert.deepEqual(new Set((await audited()).map(({ outcome }) => outcome)), new Set(['refused']));
  });

  it('records what was published although the registry failed meanwhile, and what was not', async () => {
    const { tag } = target;
    const parts: Part[] = ['1', '2', '3'].flatMap((each): Part[] => [
      ['reference', name(each)],
      ['profile', profile(`call_${each}`)],
    ]);
    target.tag = (descriptor, to, given) =>
      to === '2' ? Promise.reject(new FairleadError('Unavailable', 'it is gone')) : tag(descriptor, to, given);
    const response = await post(parts);
    assert.equal(response.statusCode, 503, response.body);
    const lines = (await audited()).map(({ outcome, reference, tags, reason }) => [outcome, reference, tags, reason]);
    const pinned = async (of: string) => `registry.example.com/security/nginx@${(await target.resolve(of)).digest}`;
    assert.deepEqual(lines, [
      ['published', await pinned('1'), ['1'], undefined],
      ['published', await pinned('3'), ['3'], undefined],
      ['refused', name('2'), undefined, 'it is gone'],
    ]);
    const counted = (await app.inject('/metrics')).body;
    assert.match(counted, /^fairlead_publications_total\{.*outcome="published".*\} 2$/m);
    assert.match(counted, /^fairlead_publications_total\{.*outcome="refused".*\} 1$/m);
    target.tag = tag;
    assert.equal((await post(parts)).statusCode, 201);
  });

  it('refuses to loosen and to overwrite if it is told to', async () => {
    await post([
      ['reference', name('1')],
      ['profile', profile('read')],
    ]);
    for (const field of [
      ['failOn', 'loosened'],
      ['overwrite', 'false'],
    ] as Part[]) {
      const response = await post([['reference', name('1')], field, ['profile', profile('read', 'write')]]);
      assert.equal(response.statusCode, 409, response.body);
    }
    const one = (query: string) =>
      app.inject({
        method: 'POST',
        url: `/v1/profiles?reference=${name('1')}&${query}`,
        headers: { 'content-type': 'application/json', authorization },
        payload: profile('read', 'write'),
      });
    assert.equal((await one('failOn=loosened')).statusCode, 409);
    assert.equal((await one('overwrite=false')).statusCode, 409);
    assert.equal((await one('overwrite=true')).statusCode, 201);
  });

  it('takes the bundle of the caller for the digest that it asked for, and stores it once', async () => {
    const planned = await app.inject({
      method: 'POST',
      url: `/v1/profiles?reference=${name('1')}&dryRun=true`,
      headers: { 'content-type': 'application/json', authorization },
      payload: profile('read'),
    });
    assert.equal(planned.statusCode, 200, planned.body);
    assert.equal(pushed, 0);
    const { digest, statement, descriptor } = planned.json();
    assert.equal(descriptor.digest, digest);
    const bundle = await caller.sign(Buffer.from(statement));
    const parts: Part[] = [
      ['reference', name('1')],
      ['bundle', bundle],
      ['profile', profile('read')],
    ];
    const response = await post(parts);
    assert.equal(response.statusCode, 201, response.body);
    assert.equal(response.json().publications[0].digest, digest);
    const { signature } = response.json().publications[0];
    assert.equal((await post(parts)).json().publications[0].signature, signature);
    assert.ok((await post(parts)).json().publications[0].alreadySigned);
    assert.equal((await target.referrers(await target.resolve('1'))).length, 1);
    const plans = await post(parts, '/v1/publications?dryRun=true');
    assert.equal(plans.statusCode, 200, plans.body);
    assert.equal(plans.json().publications[0].change, 'unchanged');
  });

  it('returns the statement for a caller whose signature the policy requires, and whether it is signed', async () => {
    const [rule] = options.policy.current.rules;
    assert.ok(rule);
    const required = { key: 'caller.pub', publicKey: caller.key.publicKey };
    const rules = [{ ...rule, require: [{ anyOf: [required] }] }];
    const current = { ...options.policy.current, rules };
    app = await createPushServer({ ...options, policy: { current, inForce: true } });
    const own: Part[] = [
      ['reference', name('1')],
      ['profile', profile('read')],
    ];
    assert.equal((await post(own, '/v1/publications?dryRun=true')).statusCode, 403);
    const plan = async () => {
      const several = await post(own, '/v1/publications?dryRun=unsigned');
      const one = await app.inject({
        method: 'POST',
        url: `/v1/profiles?reference=${name('1')}&dryRun=unsigned`,
        headers: { 'content-type': 'application/json', authorization },
        payload: profile('read'),
      });
      assert.deepEqual([several.statusCode, several.json().publications], [200, [one.json()]]);
      return one.json();
    };
    const { alreadySigned, change, statement } = await plan();
    assert.deepEqual([alreadySigned, change, pushed], [false, 'created', 0]);
    const parts: Part[] = [['bundle', await caller.sign(Buffer.from(statement))], ...own];
    assert.equal((await post(parts)).statusCode, 201);
    assert.deepEqual((({ alreadySigned, change }) => [alreadySigned, change])(await plan()), [true, 'unchanged']);
  });

  it('refuses a bundle of another signer or for another artifact, before anything is sent', async () => {
    const stranger = await newSigner();
    const statementOf = async (content: string): Promise<Buffer> => {
      const parts: Part[] = [
        ['reference', name('1')],
        ['profile', content],
      ];
      return Buffer.from((await post(parts, '/v1/publications?dryRun=true')).json().publications[0].statement);
    };
    const [own, other] = [await statementOf(profile('read')), await statementOf(profile('write'))];
    for (const bundle of [await stranger.sign(own), await caller.sign(other), Buffer.from('{'), Buffer.alloc(0)]) {
      const response = await post([
        ['reference', name('1')],
        ['bundle', bundle],
        ['profile', profile('read')],
      ]);
      assert.equal(response.statusCode, 403, response.body);
      assert.equal(response.json().kind, 'SignatureInvalid');
    }
    assert.equal(pushed, 0);
  });

  it('refuses malformed forms with 400, and too many or too large parts with 413', async () => {
    const reference: Part = ['reference', name('1')];
    const content: Part = ['profile', profile('read')];
    const cases: [readonly Part[], number][] = [
      [[], 400],
      [[content], 400],
      [[reference], 400],
      [[reference, reference, content], 400],
      [[reference, ['titel', 'x'], content], 400],
      [[reference, content, ['reference', name('2')]], 400],
      [[reference, ['failOn', 'x'], content], 400],
      [[reference, ['overwrite', 'x'], content], 400],
      [[['reference', ''], content], 400],
      [[['reference', 'x'.repeat(2000)], content], 413],
      [[reference, ['profile', 'x'.repeat(maxArtifactBytes + 1)]], 413],
      [[reference, ['profile', 'x'.repeat(maxArtifactBytes)], reference, content], 413],
      [Array.from({ length: 65 }, () => [reference, content]).flat(), 413],
    ];
    for (const [at, [parts, status]] of cases.entries()) {
      const response = await post(parts);
      assert.equal(response.statusCode, status, `${at}: ${response.body}`);
    }
    for (const [contentType, payload, status] of [
      ['application/json', '{}', 415],
      ['multipart/form-data', 'x', 415],
      ['multipart/form-data; boundary=x', 'nonsense', 400],
      ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="profile"\r\n\r\n{', 400],
    ] as const) {
      const headers = { 'content-type': contentType, authorization };
      const response = await app.inject({ method: 'POST', url: '/v1/publications', headers, payload });
      assert.equal(response.statusCode, status, `${payload}: ${response.body}`);
    }
    assert.equal(pushed, 0);
  });

  it('limits how much one caller publishes', async () => {
    const parts = (from: number, count: number): Part[] =>
      Array.from({ length: count }, (_, at): Part[] => [
        ['reference', name(String(from + at))],
        ['profile', profile('read')],
      ]).flat();
    assert.equal((await post(parts(0, 20))).statusCode, 201);
    const refused = await post(parts(0, 1));
    assert.equal(refused.statusCode, 429, refused.body);
    assert.equal(refused.headers['retry-after'], '3');
    assert.match((await app.inject('/metrics')).body, /^fairlead_publications_total\{.*outcome="published".*\} 20$/m);
    const { outcome, error } = (await audited()).at(-1) ?? {};
    assert.deepEqual([outcome, error], ['refused', 'LimitExceeded']);
  });

  it('answers any input of its routes without a bug of its own', async () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
    const query = fc.dictionary(
      fc.oneof(fc.constantFrom('reference', 'title', 'failOn', 'overwrite', 'dryRun'), text),
      fc.oneof(fc.constantFrom(name('1'), 'loosened', 'true', 'false'), text),
      { maxKeys: 5 },
    );
    const type = fc.oneof(
      fc.constantFrom('application/json', 'application/octet-stream', 'multipart/form-data; boundary=x'),
      fc.string({ unit: 'grapheme-ascii' }).map((value) => value.trim()),
    );
    const field = fc
      .tuple(fc.oneof(fc.constantFrom('reference', 'profile', 'bundle', 'title'), text), fc.oneof(fc.json(), text))
      .map(([key, value]) => `--x\r\ncontent-disposition: form-data; name="${key}"\r\n\r\n${value}\r\n`);
    const form = fc.array(field, { maxLength: 6 }).map((fields) => `${fields.join('')}--x--\r\n`);
    const body = fc.oneof(fc.json(), text, form, fc.constantFrom(profile('read')));
    const url = fc.constantFrom('/v1/profiles', '/v1/publications');
    const limited = new RateLimit({ perMinute: 1e6, now: () => 0 });
    const open = await createPushServer({ ...options, rateLimit: limited });
    await fc.assert(
      fc.asyncProperty(url, query, type, body, async (path, asked, contentType, payload) => {
        const search = new URLSearchParams(asked);
        const headers = { 'content-type': contentType, authorization };
        const response = await open.inject({ method: 'POST', url: `${path}?${search}`, headers, payload });
        assert.ok(response.statusCode < 500, response.body);
        if (response.statusCode >= 400) assert.equal(response.json().status, response.statusCode);
      }),
      { numRuns: 150 },
    );
    await open.close();
  });

  it('documents its fields', async () => {
    const { paths } = (await app.inject('/openapi.json')).json();
    const { content } = paths['/v1/publications'].post.requestBody;
    const fields = Object.keys(content['multipart/form-data'].schema.properties);
    assert.deepEqual(fields, ['reference', 'title', 'failOn', 'overwrite', 'bundle', 'profile']);
  });
});
