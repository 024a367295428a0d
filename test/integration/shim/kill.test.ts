import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { after, before, it } from 'node:test';
import { openStore } from '#lib/node/store/store';
import { digestOf } from '#lib/registry/digest';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type CriError, status } from '#test/support/cri/client';
import { runPod } from '#test/support/cri/pod';
import { denyChmod, packText, publish, startTestShim, type TestShim } from '#test/support/cri/shim';
import { SecurityProfile_ProfileType as ProfileType, SecurityProfileKind } from '../../../lib/cri/gen/cri_pb.js';

const count = 50;

describePeers(
  [...containerdRequirements, 'docker-registry'],
  'shim before containerd: killed in the middle of its work',
  () => {
    let containerd: Containerd;
    let registry: Registry;
    let shim: TestShim;
    before(async () => {
      [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
      shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
    });
    after(async () => {
      await shim?.stop();
      await Promise.all([registry?.stop(), containerd?.stop()]);
    });

    const pull = (reference: string) =>
      shim.client.pullSecurityProfileArtifact({
        image: { image: reference },
        profileKind: SecurityProfileKind.Seccomp,
      });

    it(`keeps a consistent store through SIGKILL amid ${count} pulls, and running containers do not notice`, async () => {
      const references: string[] = [];
      for (let i = 0; i < count; i++) {
        references.push(await publish(registry.host, `signed/p${i}`, packText(denyChmod, `p${i}.json`), shim.signer));
      }
      const [first = ''] = references;
      const pod = await runPod(shim.client, {
        name: 'steady',
        seccomp: { profileType: ProfileType.OCI, ociRef: first },
      });
      const refuses = async () => {
        const { exitCode, stderr } = await pod.exec('chmod', '600', '/etc/passwd');
        assert.equal(exitCode, 1);
        assert.match(stderr, /Operation not permitted/);
      };
      const task = () =>
        containerd
          .ctr('tasks', 'list')
          .split('\n')
          .find((line) => line.includes(pod.containerId));
      await refuses();
      const before = task();

      let answered = 0;
      let kill: () => void = () => undefined;
      const enough = new Promise<void>((resolve) => {
        kill = resolve;
      });
      const pulls = references.map(async (reference) => {
        const { cached } = await pull(reference);
        answered++;
        if (answered === 10) kill();
        return [reference, cached] as const;
      });
      const results = Promise.allSettled(pulls);
      await enough;
      await shim.kill();
      const done: string[] = [];
      for (const result of await results) {
        if (result.status === 'fulfilled') done.push(result.value[0]);
        else assert.equal((result.reason as CriError).code, status.UNAVAILABLE);
      }
      assert.ok(done.length >= 10 && done.length < count, `${done.length} pulls were answered before the kill`);

      // What is on the disk now, without the shim: every record holds, and what was answered is
      // there.
      const store = await openStore(shim.state, { log: assert.fail });
      for (const { descriptor } of await store.list()) {
        for await (const bytes of await store.fetcher.fetch(descriptor))
          assert.equal(digestOf(bytes), descriptor.digest);
      }
      const kept = new Set((await store.list()).map(({ descriptor }) => descriptor.digest as string));
      for (const reference of done) assert.ok(kept.has(reference.slice(reference.indexOf('@') + 1)));
      await store.close();

      await shim.restart();
      assert.equal(task(), before, 'the same process runs on');
      await refuses();
      for (const reference of references) {
        const { cached } = await pull(reference);
        assert.equal(cached, kept.has(reference.slice(reference.indexOf('@') + 1)), reference);
      }
      const again = await runPod(shim.client, {
        name: 'again',
        seccomp: { profileType: ProfileType.OCI, ociRef: first },
      });
      assert.equal((await again.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      await again.remove();
      await pod.remove();
    });

    it('starts again, and pods with it, though another user waits for its end to take its lock', async () => {
      const reference = await publish(registry.host, 'signed/locked', packText(denyChmod, 'locked.json'), shim.signer);
      await pull(reference);
      await chmod(shim.folder, 0o755); // so that it is the state folder itself that keeps others out
      await shim.kill();
      const otherUser = { uid: 65534, gid: 65534, encoding: 'utf8' } as const;
      for (const path of [shim.state, `${shim.state}/lock`, `${shim.state}/effective`]) {
        // A read lock is taken on a file that is open for reading, which flock does too.
        const { status: exit, stderr } = spawnSync('flock', ['--shared', '--nonblock', path, 'true'], otherUser);
        assert.notEqual(exit, 0, path);
        assert.match(stderr, /Permission denied/, path);
      }
      await shim.restart();
      const pod = await runPod(shim.client, {
        name: 'locked',
        seccomp: { profileType: ProfileType.OCI, ociRef: reference },
      });
      assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      await pod.remove();
    });

    it('creates a container from an artifact whose blob was replaced by a directory', async () => {
      const artifact = packText(denyChmod, 'folder.json');
      const reference = await publish(registry.host, 'signed/folder', artifact, shim.signer);
      await pull(reference);
      const blob = `${shim.state}/blobs/sha256/${artifact.blobs[1]?.descriptor.digest.slice(7)}`;
      await shim.kill();
      await rm(blob);
      await mkdir(`${blob}/below`, { recursive: true });
      await shim.restart();
      const pod = await runPod(shim.client, {
        name: 'folder',
        seccomp: { profileType: ProfileType.OCI, ociRef: reference },
      });
      assert.equal((await pod.exec('chmod', '600', '/etc/passwd')).exitCode, 1);
      await pod.remove();
    });
  },
);
