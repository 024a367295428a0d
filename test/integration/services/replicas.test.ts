import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { runFairlead, succeeded } from '#test/support/cli/run';
import { type Services, startServe } from '#test/support/cli/serve';
import { type Balancer, startBalancer } from '#test/support/services/balancer';
import { KeptConnection, type LoadAnswer } from '#test/support/services/load';

const token = 'a-token-for-the-test-only';
const clients = 12;

describePeers(['docker-registry'], 'three replicas of the pull service behind a balancer, and the push service', () => {
  let folder = '';
  let registry: Registry;
  let push: Services;
  let replicas: Services[] = [];
  let balancer: Balancer;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-replicas-'));
    registry = await startRegistry();
    succeeded(await runFairlead(['keygen'], { cwd: folder }));
    const rule = `{match: ${registry.host}/**, require: [{key: fairlead.pub}]}`;
    await writeFile(
      join(folder, 'policy.yaml'),
      `apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules:\n  - ${rule}\n`,
    );
    const pull = ['--pull', '127.0.0.1:0', '--policy', 'policy.yaml', '--shutdown-delay', '1'];
    [push, ...replicas] = await Promise.all([
      startServe(['--push', '127.0.0.1:0', '--policy', 'policy.yaml', '--key', 'fairlead.key'], {
        cwd: folder,
        env: { FAIRLEAD_PUSH_TOKEN: token },
      }),
      ...Array.from({ length: 3 }, () => startServe(pull, { cwd: folder })),
    ]);
    balancer = await startBalancer(replicas.map((replica) => replica.pull));
  });
  after(async () => {
    await balancer.stop();
    await Promise.all([push, ...replicas].map((service) => service.stop()));
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const publish = async (tag: string, call: string): Promise<string> => {
    const reference = encodeURIComponent(`${registry.host}/security/nginx:${tag}`);
    const response = await fetch(`${push.push}/v1/profiles?reference=${reference}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: `{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": ["${call}"], "action": "SCMP_ACT_ALLOW"}]}`,
    });
    assert.equal(response.status, 201, await response.clone().text());
    return ((await response.json()) as { digest: string }).digest;
  };
  const urlOf = (suffix: string): string =>
    `${balancer.url}/v1/profiles?reference=${encodeURIComponent(`${registry.host}/security/nginx${suffix}`)}`;

  /**
   * Has clients ask without a pause, by digest and by tag in turns, and calls `disturb` once each
   * of them was answered. Returns the errors of connections; each request that ended with one was
   * sent again, and answered.
   */
  async function underLoad(digest: string, disturb: () => Promise<void>): Promise<readonly unknown[]> {
    const urls = [urlOf(`@${digest}`), urlOf(':1')];
    const errors: unknown[] = [];
    let answered = 0;
    let isOver = false;
    let begin: () => void;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const check = ({ status, body }: LoadAnswer): void => {
      assert.equal(status, 200, body);
      assert.equal(JSON.parse(body).digest, digest);
      if (++answered === 10 * clients) begin();
    };
    const ask = async (): Promise<void> => {
      const connection = new KeptConnection();
      for (let round = 0; !isOver; round++) {
        const url = urls[round % urls.length] ?? '';
        try {
          check(await connection.get(url));
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          errors.push(error);
          check(await connection.get(url));
        }
      }
      connection.close();
    };
    const asking = Promise.all(Array.from({ length: clients }, ask));
    await Promise.race([begun, asking]);
    await disturb();
    const until = answered + 10 * clients;
    while (answered < until) await new Promise(setImmediate);
    isOver = true;
    await asking;
    return errors;
  }

  it('loses at most the requests on the connections of a replica that is killed', async () => {
    const digest = await publish('1', 'read');
    const [killed] = replicas as [Services];
    let connections = 0;
    const errors = await underLoad(digest, async () => {
      connections = balancer.connectionsOf(killed.pull);
      await killed.kill();
    });
    assert.ok(connections > 0);
    assert.ok(errors.length <= connections, `${errors.length} of ${connections}: ${errors}`);
  });

  it('loses no request while a replica is stopped, as in an update', async () => {
    const digest = await publish('1', 'write');
    const stopped = replicas[1] as Services;
    const errors = await underLoad(digest, async () => {
      const ended = stopped.stop();
      // As a balancer does that asks whether it is ready.
      const probe = new KeptConnection();
      while ((await probe.get(`${stopped.pull}/readyz`)).status === 200);
      probe.close();
      balancer.remove(stopped.pull);
      assert.equal(await ended, 0);
    });
    assert.deepEqual(errors, []);
  });

  it('serves a profile that was published a moment ago by the replica that is left', async () => {
    const digest = await publish('2', 'openat');
    const reference = encodeURIComponent(`${registry.host}/security/nginx:2`);
    const connection = new KeptConnection();
    const { status, body } = await connection.get(`${replicas[2]?.pull}/v1/profiles?reference=${reference}`);
    connection.close();
    assert.equal(status, 200, body);
    assert.equal(JSON.parse(body).digest, digest);
  });
});
