import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';
import { type RefusingProxy, startRefusingProxy } from '#test/support/faults/http-proxy';
import { type FaultProxy, startFaultProxy } from '#test/support/faults/tcp-proxy';
import { runLoad } from '#test/support/load/run-load';

const profile = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}\n';

describePeers(['docker-registry'], 'the pull service, in front of a registry that is down, slow or lying', () => {
  let cwd = '';
  let registry: Registry;
  let lying: RefusingProxy;
  let faulty: FaultProxy;
  let services: Services;
  let digest = '';
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-faults-'));
    registry = await startRegistry();
    faulty = await startFaultProxy(registry.port);
    lying = await startRefusingProxy(registry.port);
    await writeFile(join(cwd, 'p.json'), profile);
    succeeded(await runFairlead(['keygen'], { cwd }));
    const push = ['push', 'p.json', `${registry.host}/security/nginx:1`, '--key', 'fairlead.key', '--output', 'json'];
    ({ digest } = JSON.parse(succeeded(await runFairlead(push, { cwd }))));
    await writeFile(
      join(cwd, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n`,
    );
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0'];
    services = await startServe(['--policy', 'policy.yaml', '--key', 'fairlead.key', ...listen], {
      cwd,
      env: { FAIRLEAD_PUSH_TOKEN: 'a-token-for-the-test-only' },
    });
  });
  after(async () => {
    await services?.stop();
    await lying?.stop();
    await faulty?.stop();
    await registry?.stop();
    await rm(cwd, { recursive: true });
  });

  const urlOf = (version: string, host = lying.host): string =>
    `${services.pull}/v1/profiles?reference=${encodeURIComponent(`${host}/security/nginx${version}`)}`;
  const mirrored = (version: string, host = lying.host): string =>
    `${services.pull}/v2/${host.replace(':', '_')}/security/nginx/manifests/${version}`;
  const isUnavailable = async (url: string): Promise<void> => {
    const response = await fetch(url);
    assert.equal(response.status, 503, await response.text());
    assert.match(response.headers.get('retry-after') ?? '', /^[1-9]/);
  };

  it('verifies once for many concurrent callers by tag, and asks for the tag a few times', async () => {
    lying.set(() => undefined);
    const answers = await Promise.all(Array.from({ length: 50 }, () => fetch(urlOf(':1'))));
    for (const { status } of answers) assert.equal(status, 200);
    const { seen } = lying;
    const heads = seen.filter((line) => line.startsWith('HEAD') && line.includes('/manifests/1 ')).length;
    // Two, or one more for each quarter of a second that the registry takes.
    assert.ok(heads <= 10, seen.join(' '));
    assert.equal(seen.filter((line) => line.includes('/blobs/') && line.startsWith('GET')).length, 2, seen.join('\n'));
    lying.set(() => undefined);
    assert.equal((await fetch(urlOf(':1'))).status, 200);
    assert.deepEqual(lying.seen.length, 1, lying.seen.join('\n'));
  });

  it('serves by digest what it remembers while the registry is down, and answers 503 by tag', async () => {
    const { host } = registry;
    const pinned = [urlOf(`@${digest}`, host), mirrored(digest, host)];
    const tagged = [urlOf(':1', host), mirrored('1', host)];
    for (const url of [...pinned, ...tagged]) assert.equal((await fetch(url)).status, 200);
    const { port, storage } = registry;
    await registry.stop();
    try {
      for (const url of pinned) assert.equal((await fetch(url)).status, 200, url);
      await Promise.all(tagged.map(isUnavailable));
      assert.equal((await fetch(`${services.pull}/readyz`)).status, 200);
    } finally {
      registry = await startRegistry({ port, storage });
    }
    for (const url of tagged) assert.equal((await fetch(url)).status, 200);
  });

  it('does the same while the registry answers errors', async () => {
    lying.set(() => ({ status: 500 }));
    assert.equal((await fetch(urlOf(`@${digest}`))).status, 200);
    await isUnavailable(urlOf(':1'));
    lying.set(() => undefined);
  });

  it('answers by digest at once while the registry is slow', async () => {
    const { host } = faulty;
    assert.equal((await fetch(urlOf(`@${digest}`, host))).status, 200);
    faulty.set({ silent: true });
    const given = new AbortController();
    const { signal } = given;
    const waiting = Promise.allSettled(Array.from({ length: 20 }, () => fetch(urlOf(':1', host), { signal })));
    const load = await runLoad([urlOf(`@${digest}`, host)], { connections: 8, milliseconds: 300 });
    assert.deepEqual(Object.keys(load.statuses), ['200']);
    assert.ok(load.count > 20, String(load.count));
    given.abort();
    await waiting;
    faulty.set({});
  });

  it('serves nothing that the policy refuses of a registry that answers for another digest', async () => {
    const other = `sha256:${'1'.repeat(64)}`;
    const headers = {
      'docker-content-digest': other,
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'content-length': '10',
    };
    lying.set(({ method }) => (method === 'HEAD' ? { status: 200, headers } : undefined));
    for (const url of [urlOf(':1'), mirrored('1')]) {
      const response = await fetch(url);
      assert.ok([403, 404].includes(response.status), await response.text());
    }
    lying.set(() => undefined);
    assert.ok((await (await fetch(urlOf(':1'))).text()).includes(digest));
  });
});
