import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { digestOf } from '#lib/registry/digest';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';

const flood = fileURLToPath(new URL('../../support/cli/flood.ts', import.meta.url));

const callers = 400;

/** A profile of some 700 KB, which takes tens of milliseconds to read. */
function largeProfile(): string {
  const syscalls = Array.from({ length: 7_500 }, (_, n) => ({
    names: [`call_${n % 300}`],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: n % 6, value: n, op: 'SCMP_CMP_EQ' }],
  }));
  return JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
}

describePeers(['docker-registry'], 'the pull service, asked by 400 callers at once for the same profile', () => {
  let cwd = '';
  let layer = '';
  let registry: Registry;
  let services: Services;
  before(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'fairlead-flood-'));
    registry = await startRegistry();
    const content = largeProfile();
    assert.ok(content.length > 600_000);
    await writeFile(join(cwd, 'large.json'), content);
    await writeFile(
      join(cwd, 'policy.yaml'),
      'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - {match: "**", require: [{key: fairlead.pub}]}\n',
    );
    succeeded(await runFairlead(['keygen'], { cwd }));
    const push = ['push', 'large.json', `${registry.host}/security/large:1`, '--key', 'fairlead.key'];
    succeeded(await runFairlead(push, { cwd }));
    layer = digestOf(Buffer.from(content));
    const listen = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--health', '127.0.0.1:0'];
    services = await startServe(['--policy', 'policy.yaml', '--key', 'fairlead.key', ...listen], {
      cwd,
      env: { FAIRLEAD_PUSH_TOKEN: 'a-token-for-the-test-only' },
    });
  });
  after(async () => {
    await services?.stop();
    await registry.stop();
    await rm(cwd, { recursive: true });
  });

  /**
   * Sends the flood; `meanwhile` is called when the kernel has all of its connections, whether or
   * not the service does.
   */
  const sendFlood = async (meanwhile: () => Promise<void>): Promise<void> => {
    const url = `${services.pull}/v1/profiles?reference=${encodeURIComponent(`${registry.host}/security/large:1`)}`;
    const child = spawn(process.execPath, [flood, url, String(callers)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, 'connected');
    await meanwhile();
    assert.deepEqual(JSON.parse(String((await lines.next()).value)), { 200: callers });
  };
  /** What is served there, over a connection of its own. */
  const get = async (url: string): Promise<string> => {
    const response = await fetch(url, { headers: { connection: 'close' } });
    assert.equal(response.status, 200);
    return response.text();
  };
  /** How many requests for the profile the service says that it has answered. */
  const answered = async (): Promise<number> => {
    const metrics = await get(`${services.pull}/metrics`);
    return Number(/^fairlead_http_requests_total\{route="\/v1\/profiles".* (\d+)$/m.exec(metrics)?.[1] ?? 0);
  };
  const blobRequests = (): number =>
    readFileSync(registry.log, 'utf8')
      .split('\n')
      .filter((line) => line.includes(`"GET /v2/security/large/blobs/${layer} `)).length;

  for (const time of ['the first time', 'the second time']) {
    it(`verifies it once, and answers its health before them, ${time}`, async (t) => {
      const before = await answered();
      const waits: number[] = [];
      const counts: number[] = [];
      await sendFlood(async () => {
        // Each of these comes after all callers, by the order in which the kernel hands out
        // connections.
        for (let probe = 0; probe < 3; probe++) {
          const began = performance.now();
          await get(`${services.pull}/healthz`);
          waits.push(performance.now() - began);
          counts.push((await answered()) - before);
        }
      });
      t.diagnostic(`health after ${waits.map((wait) => wait.toFixed(0)).join(', ')} ms`);
      t.diagnostic(`${counts.join(', ')} of ${callers} callers had their answer by then`);
      assert.ok((counts[0] ?? callers) < callers / 4, `${counts[0]} callers were answered before the health`);
      assert.equal((await answered()) - before, callers);
      assert.equal(blobRequests(), 1);
    });
  }

  it('answers probes at an address of their own without waiting for any caller', async (t) => {
    const before = await answered();
    let waited = 0;
    let answeredBefore = callers;
    await sendFlood(async () => {
      const began = performance.now();
      await get(`${services.health}/healthz`);
      waited = performance.now() - began;
      answeredBefore = (await answered()) - before;
    });
    t.diagnostic(`health after ${waited.toFixed(0)} ms`);
    assert.ok(answeredBefore < callers / 4, `${answeredBefore} callers were answered before the health`);
  });
});
