import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { run, runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const profile = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}\n';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const unknown = `sha256:${'0'.repeat(64)}`;

/**
 * The pull rules of the distribution specification 1.1, by its sections, and the clients that rely
 * on them.
 */
describePeers(['docker-registry', 'oras', 'crane', 'skopeo', 'cosign'], '/v2/ of the pull service', () => {
  let cwd = '';
  let registry: Registry;
  let services: Services;
  /** The repository in the mirror, and below `/v2/`. */
  let host = '';
  let name = '';
  let digest = '';
  let signature = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-mirror-'));
    registry = await startRegistry();
    await writeFile(join(cwd, 'p.json'), profile);
    succeeded(await runFairlead(['keygen'], { cwd }));
    const reference = `${registry.host}/security/nginx`;
    const push = ['push', 'p.json', `${reference}:1.0`, '--key', 'fairlead.key', '--output', 'json'];
    const published = JSON.parse(succeeded(await runFairlead(push, { cwd })));
    ({ digest, signature } = published);
    for (const tag of ['1.1', '1.2', '2.0']) {
      succeeded(await runFairlead(['tag', `${reference}@${digest}`, tag], { cwd }));
    }
    await writeFile(join(cwd, 'q.json'), profile.replace('read', 'write'));
    succeeded(await runFairlead(['push', 'q.json', `${reference}:unsigned`, '--unsigned'], { cwd }));
    succeeded(
      await runFairlead(['push', 'p.json', `${registry.host}/other/nginx:1.0`, '--key', 'fairlead.key'], { cwd }),
    );
    await writeFile(
      join(cwd, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: ${registry.host}/security/**, require: [{key: fairlead.pub}]}\n`,
    );
    services = await startServe(
      ['--policy', 'policy.yaml', '--key', 'fairlead.key', '--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'],
      { cwd, env: { FAIRLEAD_PUSH_TOKEN: 'a-token-for-the-test-only' } },
    );
    host = new URL(services.pull).host;
    name = `${registry.host.replace(':', '_')}/security/nginx`;
  });
  after(async () => {
    await services?.stop();
    await registry?.stop();
    await rm(cwd, { recursive: true });
  });

  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(`${services.pull}/v2/${path}`, init);
  const errorOf = async (response: Response): Promise<{ code: string; message: string }> => {
    const { errors } = JSON.parse(await response.text());
    assert.equal(errors.length, 1);
    return errors[0];
  };
  const layerOf = async (): Promise<{ digest: string; size: number }> =>
    JSON.parse(await (await get(`${name}/manifests/1.0`)).text()).layers[0];

  it('Determining Support: answers GET /v2/ with 200', async () => {
    for (const path of ['', '?x=1']) assert.equal((await get(path)).status, 200);
    assert.equal((await get('')).headers.get('docker-distribution-api-version'), 'registry/2.0');
  });

  describe('Pulling manifests', () => {
    it('returns a manifest by tag and by digest, with its type and digest', async () => {
      for (const reference of ['1.0', digest]) {
        const response = await get(`${name}/manifests/${reference}`);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-type'), manifestType);
        assert.equal(response.headers.get('docker-content-digest'), digest);
        assert.equal(digestOf(Buffer.from(await response.arrayBuffer())), digest);
      }
    });

    it('lets caches keep what a digest names, and ask again for a tag', async () => {
      const pinned = await get(`${name}/manifests/${digest}`);
      assert.equal(pinned.headers.get('cache-control'), 'public, max-age=600, immutable');
      const tagged = await get(`${name}/manifests/1.0`);
      assert.equal(tagged.headers.get('cache-control'), 'no-cache');
      const etag = String(tagged.headers.get('etag'));
      assert.equal((await get(`${name}/manifests/1.0`, { headers: { 'if-none-match': etag } })).status, 304);
    });

    it('answers 404 for what does not exist, and for what is not a manifest of a profile', async () => {
      for (const reference of ['nothing', unknown]) {
        const response = await get(`${name}/manifests/${reference}`);
        assert.equal(response.status, 404);
        assert.equal((await errorOf(response)).code, 'MANIFEST_UNKNOWN');
      }
    });

    it('denies what the policy does not allow, and asks no registry that it does not name', async () => {
      const refused = [
        `${name}/manifests/unsigned`,
        `${registry.host.replace(':', '_')}/other/nginx/manifests/1.0`,
        'internal.example.com/a/manifests/1.0',
        `internal.example.com/a/blobs/${digest}`,
        'internal.example.com/a/tags/list',
      ];
      for (const path of refused) {
        const response = await get(path);
        assert.equal(response.status, 403, path);
        const { code, message } = await errorOf(response);
        assert.equal(code, 'DENIED');
        assert.doesNotMatch(message, /fairlead-mirror-/);
      }
    });

    it('refuses invalid names, tags and digests', async () => {
      for (const [path, code] of [
        ['security/nginx/manifests/1.0', 'NAME_INVALID'],
        ['registry.example.com/UPPER/manifests/1.0', 'NAME_INVALID'],
        [`${name}/manifests/.x`, 'MANIFEST_INVALID'],
        [`${name}/blobs/sha256:1`, 'DIGEST_INVALID'],
        [`${name}/referrers/1.0`, 'DIGEST_INVALID'],
      ] as const) {
        const response = await get(path);
        assert.equal(response.status, 400, path);
        assert.equal((await errorOf(response)).code, code);
      }
    });

    it('takes the registry from ns, as containerd sends it', async () => {
      const response = await get(`security/nginx/manifests/1.0?ns=${registry.host}`);
      assert.equal(response.headers.get('docker-content-digest'), digest);
    });
  });

  describe('Pulling blobs', () => {
    it('returns a blob by digest', async () => {
      const layer = await layerOf();
      const response = await get(`${name}/blobs/${layer.digest}`);
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('docker-content-digest'), layer.digest);
      assert.equal(await response.text(), profile);
    });

    it('returns parts of it', async () => {
      const { digest: of, size } = await layerOf();
      for (const [range, from, to] of [
        ['bytes=0-9', 0, 10],
        ['bytes=10-', 10, size],
        ['bytes=-5', size - 5, size],
        [`bytes=5-${size + 100}`, 5, size],
      ] as const) {
        const response = await get(`${name}/blobs/${of}`, { headers: { range } });
        assert.equal(response.status, 206);
        assert.equal(response.headers.get('content-range'), `bytes ${from}-${to - 1}/${size}`);
        assert.equal(await response.text(), profile.slice(from, to));
      }
      const beyond = await get(`${name}/blobs/${of}`, { headers: { range: `bytes=${size}-` } });
      assert.equal(beyond.status, 416);
      assert.equal(beyond.headers.get('content-range'), `bytes */${size}`);
      for (const range of ['bytes=9-1', 'lines=1-2', 'bytes=0-1,3-4']) {
        assert.equal((await get(`${name}/blobs/${of}`, { headers: { range } })).status, 200);
      }
    });

    it('returns no blob of a manifest that the policy refuses', async () => {
      const other = digestOf(Buffer.from(profile.replace('read', 'write')));
      for (const blob of [other, unknown]) {
        const response = await get(`${name}/blobs/${blob}`);
        assert.equal(response.status, 404);
        assert.equal((await errorOf(response)).code, 'BLOB_UNKNOWN');
      }
    });
  });

  describe('Checking if content exists in the registry', () => {
    it('answers HEAD as GET, without a body', async () => {
      const layer = await layerOf();
      for (const path of [`${name}/manifests/1.0`, `${name}/manifests/${digest}`, `${name}/blobs/${layer.digest}`]) {
        const [head, whole] = [await get(path, { method: 'HEAD' }), await get(path)];
        assert.equal(head.status, 200);
        for (const header of ['content-length', 'content-type', 'docker-content-digest']) {
          assert.equal(head.headers.get(header), whole.headers.get(header), header);
        }
      }
      assert.equal((await get(`${name}/manifests/nothing`, { method: 'HEAD' })).status, 404);
    });
  });

  describe('Listing Tags', () => {
    it('lists tags in order, and in pages', async () => {
      const list = async (query: string) => {
        const response = await get(`${name}/tags/list${query}`);
        assert.equal(response.status, 200);
        return { tags: JSON.parse(await response.text()).tags, link: response.headers.get('link') };
      };
      assert.deepEqual(await list(''), { tags: ['1.0', '1.1', '1.2', '2.0', 'unsigned'], link: null });
      const first = await list('?n=2');
      assert.deepEqual(first.tags, ['1.0', '1.1']);
      const [, next = ''] = /^<(.*)>; rel="next"$/.exec(first.link ?? '') ?? [];
      const second = await list(next.slice(next.indexOf('?')));
      assert.deepEqual(second.tags, ['1.2', '2.0']);
      assert.deepEqual(await list('?n=10&last=1.2'), { tags: ['2.0', 'unsigned'], link: null });
      assert.deepEqual(await list('?n=0'), { tags: [], link: null });
      assert.equal((await get(`${name}/tags/list?n=x`)).status, 400);
    });
  });

  describe('Listing Referrers', () => {
    it('lists the signatures by which the policy allows a profile, and filters by type', async () => {
      const list = async (of: string, query = '') => {
        const response = await get(`${name}/referrers/${of}${query}`);
        assert.equal(response.status, 200);
        assert.equal(response.headers.get('content-type'), indexType);
        const { manifests } = JSON.parse(await response.text());
        return { manifests, filters: response.headers.get('oci-filters-applied') };
      };
      const all = await list(digest);
      assert.deepEqual(
        all.manifests.map((each: { digest: string }) => each.digest),
        [signature],
      );
      assert.equal(all.filters, null);
      const type = all.manifests[0].artifactType;
      assert.deepEqual(await list(digest, `?artifactType=${encodeURIComponent(type)}`), {
        manifests: all.manifests,
        filters: 'artifactType',
      });
      assert.deepEqual((await list(digest, '?artifactType=text/plain')).manifests, []);
      for (const nothing of [unknown, signature]) assert.deepEqual((await list(nothing)).manifests, []);
      const manifest = await get(`${name}/manifests/${signature}`);
      assert.equal(manifest.status, 200);
      const [layer] = JSON.parse(await manifest.text()).layers;
      assert.equal((await get(`${name}/blobs/${layer.digest}`)).status, 200);
    });
  });

  it('Error Codes: answers writes with 405 UNSUPPORTED', async () => {
    for (const [method, path] of [
      ['POST', `${name}/blobs/uploads/`],
      ['PUT', `${name}/manifests/1.0`],
      ['PATCH', `${name}/blobs/uploads/1`],
      ['DELETE', `${name}/manifests/1.0`],
    ] as const) {
      const response = await get(path, { method, ...(method !== 'DELETE' && { body: 'x'.repeat(4096) }) });
      assert.equal(response.status, 405);
      assert.equal((await errorOf(response)).code, 'UNSUPPORTED');
      assert.equal(response.headers.get('allow'), 'GET, HEAD');
    }
  });

  it('is pulled from by oras, crane and skopeo, and verified by cosign and fairlead', async () => {
    const reference = `${host}/${name}:1.0`;
    const pulled = join(cwd, 'pulled');
    succeeded(await run(peer('oras'), ['pull', '--plain-http', reference, '--output', pulled], { cwd }));
    const files = await readdir(pulled).catch(() => []);
    if (files[0] !== undefined) assert.equal(await readFile(join(pulled, files[0]), 'utf8'), profile);
    const discovered = succeeded(
      await run(peer('oras'), ['discover', '--plain-http', '--format', 'json', reference], { cwd }),
    );
    assert.ok(discovered.includes(signature));
    assert.equal(succeeded(await run(peer('crane'), ['digest', '--insecure', reference], { cwd })).trim(), digest);
    const layer = await layerOf();
    const blob = await run(peer('crane'), ['blob', '--insecure', `${host}/${name}@${layer.digest}`], { cwd });
    assert.equal(succeeded(blob), profile);
    const copy = [
      'copy',
      '--src-tls-verify=false',
      '--insecure-policy',
      `docker://${reference}`,
      `oci:${join(cwd, 'copied')}:x`,
    ];
    succeeded(await run(peer('skopeo'), copy, { cwd, env: { HOME: cwd } }));
    const verify = ['verify', '--key', 'fairlead.pub', '--insecure-ignore-tlog', '--allow-http-registry', reference];
    succeeded(await run(peer('cosign'), verify, { cwd, env: { HOME: cwd } }));
    assert.equal(succeeded(await runFairlead(['pull', reference, '--key', 'fairlead.pub'], { cwd })), profile);
  });
});
