import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';
import { KeptConnection, type LoadAnswer } from '#test/support/services/load';
import { type ProcessUse, processUse } from '#test/support/services/process-use';
import { triesAll } from '#test/support/some-of';

const token = 'a-token-for-the-test-only';
const calls = ['read', 'write', 'openat', 'close', 'fstat', 'lseek', 'mmap', 'brk'];
/** Of the load as a whole. */
const seconds = triesAll ? 600 : 20;
/** When the registry is stopped and started, as shares of the time. */
const outages = [
  [0.2, 0.35],
  [0.6, 0.75],
] as const;
/** Clients that ask for digests and for tags. */
const clients = { digests: 4, tags: 2 };

describePeers(['docker-registry'], 'both services under mixed load, while the registry is stopped twice', () => {
  let folder = '';
  let registry: Registry;
  let services: Services;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-mixed-load-'));
    registry = await startRegistry({ storage: join(folder, 'storage') });
    succeeded(await runFairlead(['keygen'], { cwd: folder }));
    const rule = `{match: ${registry.host}/**, require: [{key: fairlead.pub}]}`;
    await writeFile(
      join(folder, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - ${rule}\n`,
    );
    const both = ['--push', '127.0.0.1:0', '--pull', '127.0.0.1:0', '--policy', 'policy.yaml', '--key', 'fairlead.key'];
    // One caller publishes without a pause.
    services = await startServe([...both, '--rate-limit', '100000'], {
      cwd: folder,
      env: { FAIRLEAD_PUSH_TOKEN: token },
    });
  });
  after(async () => {
    await services.stop();
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const query = (suffix: string): string =>
    `/v1/profiles?reference=${encodeURIComponent(`${registry.host}/security/${suffix}`)}`;
  const publish = (call: string): Promise<Response> =>
    fetch(`${services.push}${query(`${call}:1`)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["${call}"], "action": "SCMP_ACT_ALLOW"}]}`,
    });

  it('answers by digest throughout, by tag with 503 and Retry-After meanwhile, and holds no more at the end', async (t) => {
    const digests = await Promise.all(
      calls.map(async (call) => {
        const response = await publish(call);
        assert.equal(response.status, 201, await response.clone().text());
        return ((await response.json()) as { digest: string }).digest;
      }),
    );
    let isOver = false;
    /** Counts outages and recoveries: an even number while the registry runs all the time. */
    let changes = 0;
    const counted = new Map<string, number>();
    const count = (what: string): void => void counted.set(what, (counted.get(what) ?? 0) + 1);

    /** Asks for one profile after the other, until the end. */
    const asking = async (suffixOf: (at: number) => string, check: (answer: LoadAnswer, begun: number) => void) => {
      const connection = new KeptConnection();
      for (let at = 0; !isOver; at++) {
        const begun = changes;
        check(await connection.get(`${services.pull}${query(suffixOf(at % calls.length))}`), begun);
      }
      connection.close();
    };
    const checkDigest = ({ status, body }: LoadAnswer): void => {
      assert.equal(status, 200, body);
      count('by digest');
    };
    const isUp = (begun: number): boolean => begun === changes && begun % 4 === 0;
    const isDown = (begun: number): boolean => begun === changes && begun % 4 === 2;
    const checkTag = ({ status, retryAfter, body }: LoadAnswer, begun: number): void => {
      if (isUp(begun)) assert.equal(status, 200, body);
      if (isDown(begun)) assert.equal(status, 503, body);
      assert.ok(status === 200 || status === 503, body);
      if (status === 503) assert.match(retryAfter ?? '', /^[1-9][0-9]*$/);
      count(`by tag: ${status}`);
    };
    const publishing = async (): Promise<void> => {
      for (let at = 0; !isOver; at++) {
        const begun = changes;
        const { status } = await publish(calls[at % calls.length] ?? '');
        if (isUp(begun)) assert.equal(status, 201);
        assert.ok(status === 201 || status === 503, String(status));
        count(`publish: ${status}`);
      }
    };

    const began = performance.now();
    const reach = (share: number): Promise<void> => delay(began + share * seconds * 1000 - performance.now());
    const use: ProcessUse[] = [];
    const disturb = async (): Promise<void> => {
      for (const [down, up] of outages) {
        await reach(down);
        use.push(processUse(services.pid));
        changes++;
        await registry.stop();
        changes++;
        await reach(up);
        changes++;
        registry = await startRegistry({ storage: registry.storage, port: registry.port });
        // What was asked for before may still wait for a repetition.
        while ((await fetch(`${services.pull}${query(`${calls[0]}:1`)}`)).status !== 200);
        changes++;
      }
      await reach(1);
      use.push(processUse(services.pid));
      isOver = true;
    };
    await Promise.all([
      disturb(),
      publishing(),
      ...Array.from({ length: clients.digests }, () => asking((at) => `${calls[at]}@${digests[at]}`, checkDigest)),
      ...Array.from({ length: clients.tags }, () => asking((at) => `${calls[at]}:1`, checkTag)),
    ]);
    t.diagnostic(JSON.stringify(Object.fromEntries(counted)));
    t.diagnostic(JSON.stringify(use));
    for (const what of ['by digest', 'by tag: 200', 'by tag: 503', 'publish: 201', 'publish: 503'])
      assert.ok((counted.get(what) ?? 0) > 0, what);
    const [first, , last] = use as [ProcessUse, ProcessUse, ProcessUse];
    assert.ok(last.descriptors <= first.descriptors + 16, JSON.stringify(use));
    // In the first seconds the heap still grows to its size.
    if (triesAll) assert.ok(last.memory <= first.memory * 1.15, JSON.stringify(use));
  });
});
