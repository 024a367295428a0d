import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { readProfile } from '#lib/profile/read-profile';
import { mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import type { Reference } from '#lib/registry/reference';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import type { Policy } from '#lib/trust/policy/node-policy';
import { keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { createPullServer } from './server.ts';

// The number is above 2^53: it must come out as it went in.
const profile =
  '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", ' +
  '"args": [{"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_EQ"}]}]}\n';

const docker =
  '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["ptrace"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}]}';

describe('createPullServer', () => {
  let app: FastifyInstance;
  const asked: string[] = [];
  const target = memoryRepository();
  let policy: Policy;
  before(async () => {
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const content = new TextEncoder().encode(profile);
    const artifact = packArtifact(readProfile(content), { layout: 'runtime', content });
    const signature = packSignature(artifact.descriptor, await signArtifact(artifact.descriptor, signer));
    await pushArtifact(target, artifact, signature, 'signed');
    const other = packArtifact(readProfile(content), { layout: 'runtime', content, title: 'other.json' });
    await pushArtifact(target, other, undefined, 'unsigned');
    const config = blob(artifact.manifest.config.mediaType, Buffer.from('{}'));
    const layer = blob(mediaTypes.imageLayer, Buffer.from(docker));
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const crio = assembleArtifact({ ...manifest, layers: [layer.descriptor] }, [config, layer]);
    const crioSignature = packSignature(crio.descriptor, await signArtifact(crio.descriptor, signer));
    await pushArtifact(target, crio, crioSignature, 'crio');
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
    const connect = (reference: Reference) => {
      asked.push(reference.registry);
      return target;
    };
    app = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: policy, inForce: true },
      connect,
    });
  });
  after(() => app.close());

  const get = (query: Record<string, string>, accept?: string) =>
    app.inject({ url: '/v1/profiles', query, headers: accept === undefined ? {} : { accept } });

  it('answers with the profile and why it may be used', async () => {
    const response = await get({ reference: 'registry.example.com/security/nginx:signed' });
    assert.equal(response.statusCode, 200, response.body);
    assert.match(String(response.headers['content-type']), /^application\/json/);
    assert.match(response.body, /18446744073709551615/);
    const { digest, kind, verification, profile: served } = response.json();
    assert.equal(kind, 'Seccomp');
    assert.equal(verification.rule, 'registry.example.com/security/**');
    assert.equal(verification.signatures[0].key, 'a.pub');
    assert.equal(served.defaultAction, 'SCMP_ACT_ALLOW');
    assert.match(String(response.headers['etag']), new RegExp(`^"${digest}:[0-9a-f]{16}"$`));
  });

  it('returns the original bytes on request', async () => {
    const response = await get({ reference: 'registry.example.com/security/nginx:signed' }, 'application/octet-stream');
    assert.equal(response.headers['content-type'], 'application/octet-stream');
    assert.equal(response.body, profile);
  });

  it('answers HEAD as GET without the body, and reports no length in 304', async () => {
    for (const accept of ['application/json', 'application/octet-stream']) {
      const ask = (method: 'GET' | 'HEAD', etag = '"other"') =>
        app.inject({
          method,
          url: '/v1/profiles',
          query: { reference: 'registry.example.com/security/nginx:signed' },
          headers: { accept, 'if-none-match': etag },
        });
      const [get, head] = [await ask('GET'), await ask('HEAD')];
      const { date: _, 'x-request-id': __, ...headers } = get.headers;
      for (const [name, value] of Object.entries(headers)) assert.equal(head.headers[name], value, name);
      assert.deepEqual([head.statusCode, head.body], [200, '']);
      const known = await ask('HEAD', '*');
      assert.deepEqual([known.statusCode, known.headers['content-length']], [304, undefined]);
      assert.equal(known.headers['etag'], get.headers['etag']);
    }
    const refused = await app.inject({ url: '/v1/profiles?reference=a.com/a:b', headers: { accept: 'text/html' } });
    assert.equal(refused.statusCode, 406, refused.body);
  });

  it('answers 304 to who has it already, for each form by itself, and only while it may be used', async () => {
    const ask = (reference: string, accept: string, etag: string) =>
      app.inject({
        url: '/v1/profiles',
        query: { reference: `registry.example.com/security/nginx:${reference}` },
        headers: { accept, 'if-none-match': etag },
      });
    const json = 'application/json';
    const bytes = 'application/octet-stream';
    const tags = new Map<string, string>();
    for (const accept of [json, bytes]) {
      const etag = String((await ask('signed', accept, '"other"')).headers['etag']);
      tags.set(accept, etag);
      for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
        const response = await ask('signed', accept, header);
        assert.equal(response.statusCode, 304, response.body);
        assert.equal(response.body, '');
        assert.equal(response.headers['etag'], etag);
        assert.equal(response.headers['vary'], 'accept');
        assert.equal(response.headers['cache-control'], 'no-cache');
      }
    }
    assert.equal((await ask('signed', bytes, tags.get(json) ?? '')).statusCode, 200);
    assert.equal((await ask('unsigned', json, '*')).statusCode, 403);
    assert.equal((await ask('nothing', json, '*')).statusCode, 404);
    assert.equal((await ask('crio', json, '*')).statusCode, 422);
  });

  it('reports which parameter of the query is wrong, and what it may be', async () => {
    const reference = 'registry.example.com/security/nginx:signed';
    for (const [url, detail, hint] of [
      [
        `?reference=${reference}&kind=seccomp`,
        /kind "seccomp": want one of Seccomp, AppArmor$/,
        /^Did you mean "Seccomp"\?$/,
      ],
      [`?reference=${reference}&kind=x`, /kind "x": want one of/, /^Specify one of Seccomp, AppArmor\.$/],
      ['', /^the query parameter reference is missing$/, /^reference: registry\/repository:tag/],
      [`?referense=${reference}`, /^unknown query parameter "referense"$/, /^Did you mean "reference"\?$/],
      [`?reference=${reference}&x=1`, /^unknown query parameter "x"$/, /^Known parameters: reference, kind\.$/],
      [`?reference=${reference}&__proto__=1`, /^unknown query parameter "__proto__"$/, /Known parameters/],
      [`?reference=${reference}&reference=x`, /reference is given 2 times$/, /Specify it once/],
      [`?reference=${'x'.repeat(600)}`, /reference is longer than 512 characters$/, /openapi/],
    ] as const) {
      const response = await app.inject(`/v1/profiles${url}`);
      assert.equal(response.statusCode, 400, `${url} ${response.body}`);
      const problem = response.json();
      assert.equal(problem.title, 'The request is invalid');
      assert.match(problem.detail, detail);
      assert.match(problem.hint, hint);
    }
    const unacceptable = await get({ reference }, 'text/html');
    assert.equal(unacceptable.statusCode, 406);
    assert.equal(unacceptable.json().title, 'No acceptable media type is available');
    assert.match(unacceptable.json().hint, /Accept application\/json or application\/octet-stream/);
  });

  it('hides the paths of the policy and its keys from callers', async () => {
    const [rule] = policy.rules;
    const requirement = rule?.require[0]?.anyOf[0];
    const hidden = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: {
        current: {
          ...policy,
          source: '/etc/fairlead/policy.yaml',
          rules: [{ ...rule, require: [{ anyOf: [{ ...requirement, key: '/etc/fairlead/a.pub' }] }] }] as never,
        },
        inForce: true,
      },
      connect: (reference) => {
        if (reference.tag !== 'broken') return target;
        throw new FairleadError('Unavailable', `/var/lib/fairlead/index.json: no space`);
      },
    });
    try {
      const [allowed, denied, unsigned, broken] = await Promise.all(
        [
          'registry.example.com/security/nginx:signed',
          'other.example.com/nginx:1',
          'registry.example.com/security/nginx:unsigned',
          'registry.example.com/security/nginx:broken',
        ].map((reference) => hidden.inject({ url: '/v1/profiles', query: { reference } })),
      );
      for (const response of [denied, unsigned, broken]) {
        assert.ok((response?.statusCode ?? 0) >= 403);
        assert.doesNotMatch(response?.body ?? '', /\/etc|\/var/);
      }
      assert.equal(allowed?.statusCode, 200);
      assert.equal(allowed?.json().verification.signatures[0].key, 'a.pub');
      assert.doesNotMatch(allowed?.body ?? '', /\/etc|\/var/);
      assert.match(denied?.json().detail, /^the trust policy does not allow/);
      assert.match(unsigned?.json().detail, /requires key a\.pub/);
      assert.match(broken?.json().detail, /^a file: no space/);
    } finally {
      await hidden.close();
    }
  });

  it("returns nothing in the form of Docker, as CRI-O's layout may be, to be read as something else", async () => {
    for (const accept of ['application/json', 'application/octet-stream']) {
      const response = await get({ reference: 'registry.example.com/security/nginx:crio' }, accept);
      assert.equal(response.statusCode, 422, response.body);
      const { kind, detail, hint } = response.json();
      assert.equal(kind, 'ProfileInvalid');
      assert.match(
        detail,
        /^sha256:\w+ is in the form of Docker and Podman: what it permits depends on the container$/,
      );
      assert.match(hint, /fairlead pull --capabilities/);
    }
  });

  it('refuses in the terms of the policy, and asks no registry that no rule names', async () => {
    const base = 'registry.example.com/security/nginx';
    const cases: readonly [Record<string, string>, number, string][] = [
      [{ reference: `${base}:unsigned` }, 403, 'SignatureInvalid'],
      [{ reference: `${base}:nothing` }, 404, 'NotFound'],
      [{ reference: `${base}:signed`, kind: 'AppArmor' }, 422, 'ProfileInvalid'],
      [{ reference: 'internal.example.com/nginx:1' }, 403, 'NotAllowed'],
      [{ reference: 'nginx' }, 400, 'InvalidInput'],
      [{ reference: base }, 400, 'InvalidInput'],
      [{}, 400, 'InvalidInput'],
    ];
    for (const [query, status, kind] of cases) {
      const response = await get(query);
      assert.equal(response.statusCode, status, response.body);
      assert.equal(response.json().kind, kind);
    }
    const hex = '0'.repeat(64);
    const places = ['manifests/1', `manifests/sha256-${hex}.sig`, `manifests/sha256-${hex}.att`, 'tags/list'];
    for (const place of [...places, ...['manifests', 'blobs', 'referrers'].map((each) => `${each}/sha256:${hex}`)]) {
      const { statusCode } = await app.inject(`/v2/internal.example.com/nginx/${place}`);
      assert.equal(statusCode, place.startsWith('referrers') ? 200 : 403, place);
    }
    assert.ok(!asked.includes('internal.example.com'));
  });

  it('writes down each decision, also about what it has answered before', async () => {
    const decided: boolean[] = [];
    const recorded = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: { current: policy, inForce: true },
      connect: () => target,
      decisions: {
        allowed: async (_request, _policy, { cached }) => void decided.push(cached),
        refused: async () => assert.fail(),
      },
    });
    try {
      const { digest } = await target.resolve('signed');
      const url = `/v1/profiles?reference=registry.example.com/security/nginx@${digest}`;
      for (let time = 0; time < 3; time++) assert.equal((await recorded.inject(url)).statusCode, 200);
      assert.deepEqual(decided, [false, true, true]);
    } finally {
      await recorded.close();
    }
  });

  it('asks no registry that no rule names for a part of the mirror', async () => {
    const hex = 'a'.repeat(64);
    for (const [place, status] of [
      ['manifests/1', 403],
      [`manifests/sha256:${hex}`, 403],
      [`manifests/sha256-${hex}`, 403],
      [`manifests/sha256-${hex}.sig`, 403],
      [`manifests/sha256-${hex}.att`, 403],
      [`blobs/sha256:${hex}`, 403],
      [`referrers/sha256:${hex}`, 200],
      ['tags/list', 403],
    ] as const) {
      const response = await app.inject(`/v2/internal.example.com/nginx/${place}`);
      assert.equal(response.statusCode, status, `${place} ${response.body}`);
    }
    assert.ok(!asked.includes('internal.example.com'));
  });

  it('asks the registry once for what is named by digest', async () => {
    const { digest } = (await get({ reference: 'registry.example.com/security/nginx:signed' })).json();
    const pinned = { reference: `registry.example.com/security/nginx@${digest}` };
    const first = await get(pinned);
    const before = asked.length;
    const second = await get(pinned);
    assert.equal(second.body, first.body);
    assert.equal(second.headers['cache-control'], 'public, max-age=600, immutable');
    assert.equal(asked.length, before);
    const known = await app.inject({
      url: '/v1/profiles',
      query: pinned,
      headers: { 'if-none-match': String(first.headers['etag']) },
    });
    assert.equal(known.statusCode, 304);
    const bytes = await get(pinned, 'application/octet-stream');
    assert.equal(bytes.body, profile);
  });

  it('answers by digest under the policy in force, even if it answered before', async () => {
    const { digest } = (await get({ reference: 'registry.example.com/security/nginx:signed' })).json();
    let current = policy;
    const followed = await createPullServer({
      version: '0',
      logger: pino({ level: 'silent' }),
      policy: {
        get current() {
          return current;
        },
        inForce: true,
      },
      connect: () => target,
    });
    try {
      const url = `/v1/profiles?reference=registry.example.com/security/nginx@${digest}`;
      for (let time = 0; time < 2; time++) assert.equal((await followed.inject(url)).statusCode, 200);
      current = { ...policy, rules: [], revision: '2' };
      assert.equal((await followed.inject(url)).statusCode, 403);
    } finally {
      await followed.close();
    }
  });

  it('refuses media types that it does not have', async () => {
    assert.equal((await get({ reference: 'registry.example.com/security/nginx:signed' }, 'text/html')).statusCode, 406);
  });

  it('documents its route', async () => {
    const { paths } = (await app.inject('/openapi.json')).json();
    const { responses } = paths['/v1/profiles'].get;
    assert.deepEqual(Object.keys(responses['200'].content), ['application/json', 'application/octet-stream']);
    assert.deepEqual(Object.keys(responses['default'].content), ['application/problem+json']);
  });
});
