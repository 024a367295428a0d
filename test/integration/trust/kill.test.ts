import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { remoteRepository } from '#lib/registry/remote/repository';
import { keyPolicy } from '#lib/trust/policy/key-policy';
import { verifyArtifact } from '#lib/trust/verify/verify-artifact';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { launcher, runFairlead } from '#test/support/cli/run';
import { someOf } from '#test/support/some-of';

describePeers(['docker-registry'], 'fairlead push, killed with SIGKILL', () => {
  let folder: string;
  let registry: Registry;
  let front: Server;
  /**
   * What is done with each request on its way to the registry, before it is passed on and when its
   * answer is there.
   */
  let onRequest: (moment: 'asked' | 'answered') => void = () => undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trust-kill-'));
    registry = await startRegistry();
    await writeFile(join(folder, 'profile.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
    await runFairlead(['keygen'], { cwd: folder });
    front = createServer((incoming, response) => {
      onRequest('asked');
      const { method = '', url = '', headers } = incoming;
      const passed = request({ port: registry.port, host: '127.0.0.1', method, path: url, headers }, (answer) => {
        onRequest('answered');
        answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
      });
      passed.on('error', () => response.destroy());
      incoming.on('error', () => passed.destroy()).pipe(passed);
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    front.closeAllConnections();
    front.close();
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  function push(repository: string, format: string): ChildProcess {
    const host = `127.0.0.1:${(front.address() as AddressInfo).port}`;
    const args = [
      'push',
      'profile.json',
      `${host}/${repository}:v1`,
      '--key',
      'fairlead.key',
      '--signature-format',
      format,
    ];
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder };
    return spawn(process.execPath, [launcher, ...args], { cwd: folder, env, stdio: 'ignore' });
  }

  /** Whether the tag is there; asserts that what stands under it is signed. */
  async function tagged(repository: string): Promise<boolean> {
    const target = remoteRepository({ registry: registry.host, repository });
    const [rule] = keyPolicy('fairlead.pub', await readFile(join(folder, 'fairlead.pub'), 'utf8')).rules;
    assert.ok(rule);
    try {
      const descriptor = await target.resolve('v1');
      await verifyArtifact(target, { descriptor, reference: { registry: registry.host, repository }, rule });
      return true;
    } catch (error) {
      assert.ok(error instanceof FairleadError && error.kind === 'NotFound', String(error));
      return false;
    }
  }

  for (const format of ['bundle', 'legacy']) {
    it(`leaves a tag on signed artifacts only, whatever the step (${format})`, async () => {
      let steps = 0;
      onRequest = () => void steps++;
      assert.deepEqual(await once(push(`${format}/whole`, format), 'exit'), [0, null]);
      assert.ok(await tagged(`${format}/whole`));
      assert.ok(steps >= 10, `${steps} steps`);
      const outcomes: boolean[] = [];
      // The first and the last step have an outcome that is known.
      const between = Array.from({ length: steps - 2 }, (_, index) => index + 2);
      for (const step of [1, ...someOf(between, 8), steps]) {
        let count = 0;
        const repository = `${format}/killed-${step}`;
        const child = push(repository, format);
        onRequest = () => void (++count === step && child.kill('SIGKILL'));
        await once(child, 'exit');
        // What it has sent arrives still.
        await new Promise((resolve) => setTimeout(resolve, 50));
        outcomes.push(await tagged(repository));
      }
      assert.ok(outcomes.includes(false) && outcomes.includes(true), outcomes.join());
    });
  }
});
