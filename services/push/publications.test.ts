import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import fc from 'fast-check';
import { FairleadError } from '#lib/errors';
import { maxArtifactBytes } from '#lib/trust/policy/node-policy';
import { name, type Part, PublishingSite, profile } from '#test/support/oidc/publishing-site';
import { RateLimit } from '../callers/rate-limit.ts';
import { createPushServer } from './server.ts';

describe('POST /v1/publications', () => {
  let site: PublishingSite;
  before(async () => {
    site = await PublishingSite.start();
  });
  after(() => site.stop());
  beforeEach(() => site.reset());

  it('publishes each profile with its own reference and parameters', async () => {
    const parts: Part[] = [
      ['reference', name('1')],
      ['title', 'nginx.json'],
      ['profile', profile('read')],
      ['reference', name('2')],
      ['profile', profile('write')],
    ];
    const response = await site.post(parts);
    assert.equal(response.statusCode, 201, response.body);
    const { publications } = response.json();
    assert.deepEqual(
      publications.map(({ tag }: { tag: string }) => tag),
      ['1', '2'],
    );
    assert.equal((await site.target.resolve('2')).digest, publications[1].digest);
    const again = await site.post(parts);
    assert.equal(again.json().publications[0].digest, publications[0].digest);
    assert.ok(again.json().publications[0].alreadySigned);
    const lines = await site.audited();
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
    assert.deepEqual(recorded, { method: 'oidc', issuer: site.issuer.url, subject, claims });
    assert.equal(digest, publications[0].digest);
    assert.equal(reference, publications[0].reference);
    assert.equal(kind, 'Seccomp');
    assert.doesNotMatch(JSON.stringify(lines), /Bearer|not recorded|eyJ/);
  });

  it('records the publication of one profile', async () => {
    const url = '/v1/profiles?reference=registry.example.com/security/nginx:1';
    const headers = { 'content-type': 'application/json', authorization: site.authorization };
    const response = await site.app.inject({ method: 'POST', url, headers, payload: profile('read') });
    assert.equal(response.statusCode, 201, response.body);
    assert.deepEqual(
      (await site.audited()).map(({ outcome, digest }) => [outcome, digest]),
      [['published', response.json().digest]],
    );
  });

  it('records who was refused, also without credentials', async () => {
    const url = '/v1/profiles?reference=registry.example.com/security/nginx:1';
    const headers = { 'content-type': 'application/json' };
    const response = await site.app.inject({ method: 'POST', url, headers, payload: profile('read') });
    assert.equal(response.statusCode, 401, response.body);
    const last = (await site.audited()).at(-1);
    assert.deepEqual(
      [last?.['outcome'], last?.['caller'], last?.['error'], last?.['reference']],
      ['refused', { method: 'anonymous' }, 'Unauthenticated', 'registry.example.com/security/nginx:1'],
    );
  });

  it('publishes several profiles without a tag in one repository', async () => {
    const repository = 'registry.example.com/security/nginx';
    const response = await site.post([
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
      const response = await site.post([...good, ...parts]);
      assert.equal(response.statusCode, status, response.body);
    }
    assert.equal(site.pushed, 0);
    assert.deepEqual(new Set((await site.audited()).map(({ outcome }) => outcome)), new Set(['refused']));
  });

  it('records what was published although the registry failed meanwhile, and what was not', async () => {
    const { tag } = site.target;
    const parts: Part[] = ['1', '2', '3'].flatMap((each): Part[] => [
      ['reference', name(each)],
      ['profile', profile(`call_${each}`)],
    ]);
    site.target.tag = (descriptor, to, given) =>
      to === '2' ? Promise.reject(new FairleadError('Unavailable', 'it is gone')) : tag(descriptor, to, given);
    const response = await site.post(parts);
    assert.equal(response.statusCode, 503, response.body);
    const lines = (await site.audited()).map(({ outcome, reference, tags, reason }) => [
      outcome,
      reference,
      tags,
      reason,
    ]);
    const pinned = async (of: string) =>
      `registry.example.com/security/nginx@${(await site.target.resolve(of)).digest}`;
    assert.deepEqual(lines, [
      ['published', await pinned('1'), ['1'], undefined],
      ['published', await pinned('3'), ['3'], undefined],
      ['refused', name('2'), undefined, 'it is gone'],
    ]);
    const counted = (await site.app.inject('/metrics')).body;
    assert.match(counted, /^fairlead_publications_total\{.*outcome="published".*\} 2$/m);
    assert.match(counted, /^fairlead_publications_total\{.*outcome="refused".*\} 1$/m);
    site.target.tag = tag;
    assert.equal((await site.post(parts)).statusCode, 201);
  });

  it('refuses to loosen and to overwrite if it is told to', async () => {
    await site.post([
      ['reference', name('1')],
      ['profile', profile('read')],
    ]);
    for (const field of [
      ['failOn', 'loosened'],
      ['overwrite', 'false'],
    ] as Part[]) {
      const response = await site.post([['reference', name('1')], field, ['profile', profile('read', 'write')]]);
      assert.equal(response.statusCode, 409, response.body);
    }
    const one = (query: string) =>
      site.app.inject({
        method: 'POST',
        url: `/v1/profiles?reference=${name('1')}&${query}`,
        headers: { 'content-type': 'application/json', authorization: site.authorization },
        payload: profile('read', 'write'),
      });
    assert.equal((await one('failOn=loosened')).statusCode, 409);
    assert.equal((await one('overwrite=false')).statusCode, 409);
    assert.equal((await one('overwrite=true')).statusCode, 201);
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
      const response = await site.post(parts);
      assert.equal(response.statusCode, status, `${at}: ${response.body}`);
    }
    for (const [contentType, payload, status] of [
      ['application/json', '{}', 415],
      ['multipart/form-data', 'x', 415],
      ['multipart/form-data; boundary=x', 'nonsense', 400],
      ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="profile"\r\n\r\n{', 400],
    ] as const) {
      const headers = { 'content-type': contentType, authorization: site.authorization };
      const response = await site.app.inject({ method: 'POST', url: '/v1/publications', headers, payload });
      assert.equal(response.statusCode, status, `${payload}: ${response.body}`);
    }
    assert.equal(site.pushed, 0);
  });

  it('limits how much one caller publishes', async () => {
    const parts = (from: number, count: number): Part[] =>
      Array.from({ length: count }, (_, at): Part[] => [
        ['reference', name(String(from + at))],
        ['profile', profile('read')],
      ]).flat();
    assert.equal((await site.post(parts(0, 20))).statusCode, 201);
    const refused = await site.post(parts(0, 1));
    assert.equal(refused.statusCode, 429, refused.body);
    assert.equal(refused.headers['retry-after'], '3');
    assert.match(
      (await site.app.inject('/metrics')).body,
      /^fairlead_publications_total\{.*outcome="published".*\} 20$/m,
    );
    const { outcome, error } = (await site.audited()).at(-1) ?? {};
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
    const open = await createPushServer({ ...site.options, rateLimit: limited });
    await fc.assert(
      fc.asyncProperty(url, query, type, body, async (path, asked, contentType, payload) => {
        const search = new URLSearchParams(asked);
        const headers = { 'content-type': contentType, authorization: site.authorization };
        const response = await open.inject({ method: 'POST', url: `${path}?${search}`, headers, payload });
        assert.ok(response.statusCode < 500, response.body);
        if (response.statusCode >= 400) assert.equal(response.json().status, response.statusCode);
      }),
      { numRuns: 150 },
    );
    await open.close();
  });

  it('documents its fields', async () => {
    const { paths } = (await site.app.inject('/openapi.json')).json();
    const { content } = paths['/v1/publications'].post.requestBody;
    const fields = Object.keys(content['multipart/form-data'].schema.properties);
    assert.deepEqual(fields, ['reference', 'title', 'failOn', 'overwrite', 'bundle', 'profile']);
  });
});
