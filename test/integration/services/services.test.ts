import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const token = 'a-token-for-the-test-only';
const env = { FAIRLEAD_PUSH_TOKEN: token };
const profile =
  '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"}]}\n';

describePeers(['docker-registry'], 'fairlead serve, in front of docker-registry', () => {
  let folder = '';
  let registry: Registry;
  let services: Services;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-services-'));
    registry = await startRegistry({ storage: join(folder, 'storage') });
    await runFairlead(['keygen'], { cwd: folder });
    await writeFile(
      join(folder, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: ${registry.host}/security/**, require: [{key: fairlead.pub}]}\n`,
    );
    services = await startServices(folder);
  });
  after(async () => {
    await services.stop();
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const post = (reference: string, options: { body?: string; token?: string } = {}): Promise<Response> =>
    fetch(`${services.push}/v1/profiles?reference=${encodeURIComponent(reference)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${options.token ?? token}` },
      body: options.body ?? profile,
    });
  const get = (reference: string, accept = 'application/json'): Promise<Response> =>
    fetch(`${services.pull}/v1/profiles?reference=${encodeURIComponent(reference)}`, { headers: { accept } });

  it('publishes by HTTP what the pull service and the CLI then fetch, verified', async () => {
    const reference = `${registry.host}/security/nginx:1.27`;
    const response = await post(reference);
    assert.equal(response.status, 201);
    const published = await json(response);
    assert.equal(published.reference, `${registry.host}/security/nginx@${published.digest}`);

    const served = await json(await get(reference));
    assert.equal(served.digest, published.digest);
    assert.equal(served.verification.signatures[0].manifest, published.signature);
    assert.equal(await (await get(published.reference, 'application/octet-stream')).text(), profile);

    const pulled = await runFairlead(['pull', reference, '--policy', 'policy.yaml'], { cwd: folder });
    assert.deepEqual(pulled, { code: 0, stdout: profile, stderr: '' });
  });

  it('refuses a bad token, an invalid profile, and a repository that no rule names', async () => {
    const reference = `${registry.host}/security/refused:1`;
    const unauthenticated = await post(reference, { token: 'not-the-token-at-all' });
    assert.equal(unauthenticated.status, 401);
    assert.match(unauthenticated.headers.get('www-authenticate') ?? '', /^Bearer/);

    const invalid = await post(reference, { body: '{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": []}]}' });
    assert.equal(invalid.status, 422);
    assert.equal(invalid.headers.get('content-type'), 'application/problem+json');
    const problem = await json(invalid);
    assert.equal(problem.kind, 'ProfileInvalid');
    assert.match(problem.pointer, /^\/syscalls\/0/);
    assert.equal(problem.instance, invalid.headers.get('x-request-id'));

    assert.equal((await post(`${registry.host}/other/nginx:1`)).status, 403);
    assert.equal((await get(`${registry.host}/other/nginx:1`)).status, 403);
    assert.equal((await get(reference)).status, 404);
  });

  it('refuses what is there without a signature', async () => {
    const reference = `${registry.host}/security/unsigned:1`;
    await writeFile(join(folder, 'unsigned.json'), profile);
    const pushed = await runFairlead(['push', 'unsigned.json', reference, '--unsigned'], { cwd: folder });
    assert.equal(pushed.code, 0, pushed.stderr);
    const response = await get(reference);
    assert.equal(response.status, 403);
    assert.equal((await json(response)).kind, 'SignatureInvalid');
  });

  it('reports that the registry is out of reach, and works again when it is back', async () => {
    const { port, storage } = registry;
    await registry.stop();
    for (const response of [
      await post(`${registry.host}/security/nginx:2`),
      await get(`${registry.host}/security/nginx:1.27`),
    ]) {
      assert.equal(response.status, 503);
      assert.equal((await json(response)).kind, 'Unavailable');
    }
    assert.equal((await fetch(`${services.push}/healthz`)).status, 200);
    registry = await startRegistry({ port, storage });
    assert.equal((await get(`${registry.host}/security/nginx:1.27`)).status, 200);
  });

  it('counts its requests and documents its routes', async () => {
    const metrics = await (await fetch(`${services.push}/metrics`)).text();
    assert.match(
      metrics,
      /fairlead_http_requests_total\{route="\/v1\/profiles",method="POST",status="201",service="fairlead-push"\} 1/,
    );
    for (const service of [services.push, services.pull]) {
      const document = await json(await fetch(`${service}/openapi.json`));
      assert.equal(document.openapi, '3.1.0');
      assert.ok(Object.hasOwn(document.paths, '/v1/profiles'));
    }
  });

  it('follows the policy file, and keeps to the old policy while the file is broken', async () => {
    const file = join(folder, 'policy.yaml');
    const before = await readFile(file, 'utf8');
    const reference = `${registry.host}/security/followed:1`;
    const status = async (): Promise<readonly number[]> => [
      (await post(reference)).status,
      (await get(reference)).status,
    ];
    const inForce = async (): Promise<readonly unknown[]> => {
      const { push, pull } = services;
      const metrics = await Promise.all([push, pull].map(async (url) => (await fetch(`${url}/metrics`)).text()));
      const gauges = metrics.map((text) => /^fairlead_policy_in_force\{[^}]*\} (.)$/m.exec(text)?.[1]);
      const health = await Promise.all(
        [`${push}/healthz`, `${pull}/readyz`].map(async (url) => (await json(await fetch(url))).policyInForce),
      );
      return [...gauges, ...health];
    };
    const changed = async (content: string, expected: readonly [number, number]): Promise<void> => {
      await writeFile(file, content);
      services.reload();
      for (let waited = 0; waited < 5000 && String(await status()) !== String(expected); waited += 50) await sleep(50);
      assert.deepEqual(await status(), expected);
    };
    assert.deepEqual(await status(), [201, 200]);
    await changed(before.replace('/security/', '/elsewhere/'), [403, 403]);
    assert.deepEqual(await inForce(), ['1', '1', true, true]);
    await changed(before, [201, 200]);
    await writeFile(file, 'rules: [{match: "**", unsigned: tru');
    services.reload();
    for (let waited = 0; waited < 5000 && (await inForce())[0] !== '0'; waited += 50) await sleep(50);
    assert.deepEqual(await inForce(), ['0', '0', false, false]);
    assert.deepEqual(await status(), [201, 200]);
    assert.equal((await get(`${registry.host}/other/x:1`)).status, 403);
    await changed(before, [201, 200]);
    for (let waited = 0; waited < 5000 && (await inForce())[0] !== '1'; waited += 50) await sleep(50);
    assert.deepEqual(await inForce(), ['1', '1', true, true]);
  });

  it('ends at SIGTERM with exit code 0', async () => {
    const extra = await startServices(folder);
    assert.equal((await fetch(`${extra.pull}/readyz`)).status, 200);
    assert.equal(await extra.stop(), 0);
    await assert.rejects(fetch(`${extra.pull}/readyz`));
  });
});

describe('fairlead serve --embedded', () => {
  it('needs only a directory, which it keeps', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-embedded-'));
    const start = () =>
      startServe(['--embedded', join(folder, 'data'), '--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'], {
        cwd: folder,
        env,
      });
    try {
      const reference = 'localhost/security/nginx:1';
      const first = await start();
      const secret = (await readFile(join(folder, 'data/token'), 'utf8')).trim();
      const response = await fetch(`${first.push}/v1/profiles?reference=${reference}`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream', authorization: `Bearer ${secret}` },
        body: profile,
      });
      assert.equal(response.status, 201);
      assert.equal(await first.stop(), 0);
      const second = await start();
      const pulled = await fetch(`${second.pull}/v1/profiles?reference=${reference}`);
      assert.equal((await json(pulled)).digest, (await json(response)).digest);
      assert.equal(await second.stop(), 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('reports in its health that a policy that does not exist denies everything', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-embedded-'));
    try {
      const services = await startServe(
        ['--embedded', 'data', '--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--policy', 'nope.yaml'],
        { cwd: folder, env },
      );
      for (const url of [`${services.push}/healthz`, `${services.pull}/readyz`]) {
        const { policyInForce, policy } = await json(await fetch(url));
        assert.deepEqual([policyInForce, policy], [false, 'does not exist: everything is denied']);
      }
      assert.match(await (await fetch(`${services.pull}/metrics`)).text(), /^fairlead_policy_in_force\{[^}]*\} 0$/m);
      await services.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('signs in the form that the policy takes, where it is told to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-embedded-'));
    try {
      await runFairlead(['keygen'], { cwd: folder });
      await writeFile(
        join(folder, 'policy.yaml'),
        'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}], signedRepository: same}\n',
      );
      const publish = async (...more: string[]) => {
        const args = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--oci-layout', 'registry', ...more];
        const services = await startServe([...args, '--policy', 'policy.yaml', '--key', 'fairlead.key'], {
          cwd: folder,
          env,
        });
        const response = await fetch(`${services.push}/v1/profiles?reference=localhost/security/nginx:1`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: profile,
        });
        await services.stop();
        return { status: response.status, ...(await json(response)) };
      };
      const refused = await publish();
      assert.equal(refused.status, 403);
      assert.match(refused.hint, /`format: 'legacy'`/);
      assert.equal((await publish('--signature-format', 'legacy')).status, 201);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('reports no directory and no path of the policy to callers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-embedded-'));
    try {
      await runFairlead(['keygen'], { cwd: folder });
      await writeFile(
        join(folder, 'policy.yaml'),
        'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: localhost/security/**, require: [{key: fairlead.pub}]}\n',
      );
      const services = await startServe(
        [
          ...['--embedded', 'data', '--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'],
          ...['--policy', 'policy.yaml', '--key', 'fairlead.key'],
        ],
        { cwd: folder, env },
      );
      const secret = (await readFile(join(folder, 'data/token'), 'utf8')).trim();
      const ask = async (reference: string, method = 'GET') => {
        const response = await fetch(
          `${method === 'GET' ? services.pull : services.push}/v1/profiles?reference=${reference}`,
          {
            method,
            headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
            ...(method === 'POST' && { body: profile }),
          },
        );
        const text = await response.text();
        assert.doesNotMatch(text, /policy\.yaml|data|tmp|folder/);
        return { status: response.status, ...JSON.parse(text) };
      };
      const denied = await ask('localhost/other/nginx:1');
      assert.equal(denied.status, 403);
      assert.match(denied.detail, /^the trust policy does not allow/);
      assert.match(denied.hint, /the trust policy/);
      assert.match((await ask('localhost/other/nginx:1', 'POST')).detail, /^the trust policy does not allow/);
      const missing = await ask('localhost/security/nginx:1');
      assert.equal(missing.status, 404);
      assert.match(missing.hint, /^Check the registry, the repository/);
      assert.equal((await ask('localhost/security/nginx:1', 'POST')).status, 201);
      const served = await ask('localhost/security/nginx:1');
      assert.equal(served.verification.signatures[0].key, 'fairlead.pub');
      await services.stop();
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

function startServices(cwd: string): Promise<Services> {
  const addresses = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
  return startServe([...addresses, '--policy', 'policy.yaml', '--key', 'fairlead.key'], { cwd, env });
}

/**
 * The body, of whatever shape: the tests look at single members, and fail where they are missing.
 */
async function json(response: Response) {
  return JSON.parse(await response.text());
}
