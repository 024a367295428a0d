import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { it } from 'node:test';
import { SecurityProfile_ProfileType } from '../../lib/cri/gen/cri_pb.js';
import { connectCri, status } from '../support/cri/client.ts';
import { runPod } from '../support/cri/pod.ts';
import { containerdRequirements, mountsBelow, shimsOf, startContainerd } from './containerd.ts';
import { describePeers } from './require.ts';

/** Allows everything but the calls that change a file's mode. */
const denyChmod = {
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 }],
};

for (const version of ['2', '1.6'] as const) {
  const requirements =
    version === '2' ? containerdRequirements : ([...containerdRequirements, 'containerd-1.6', 'ctr-1.6'] as const);
  describePeers(requirements, `containerd ${version} for tests`, () => {
    it('runs containers, and leaves no process, mount, interface or socket behind', async () => {
      let sockets: string[] = [];
      const containerd = await startContainerd({ version });
      const client = connectCri(containerd.socket);
      try {
        assert.match((await client.version()).runtimeVersion, version === '2' ? /^2\./ : /^1\.6\./);
        const pod = await runPod(client, { network: 'pod' });
        assert.deepEqual(await pod.exec('echo', 'hello'), { exitCode: 0, stdout: 'hello\n', stderr: '' });
        assert.equal(pod.log(), 'ready\n');
        await pod.remove();
        // the second pod is left to stop()
        await runPod(client, { name: 'left', network: 'pod' });
        sockets = shimSockets(containerd.folder);
        assert.ok(sockets.length > 0 && sockets.every((socket) => existsSync(socket)));
        assert.ok(mountsBelow(containerd.folder).length > 0);
        assert.ok(shimsOf(containerd.socket).length > 0);
        assert.ok(existsSync(`/sys/class/net/${containerd.bridge}`));
      } finally {
        client.close();
        await containerd.stop();
      }
      assert.equal(existsSync(`/proc/${containerd.pid}`), false);
      assert.equal(existsSync(containerd.socket), false);
      assert.deepEqual(mountsBelow(containerd.folder), []);
      assert.deepEqual(shimsOf(containerd.socket), []);
      assert.deepEqual(
        sockets.filter((socket) => existsSync(socket)),
        [],
      );
      assert.equal(existsSync(`/sys/class/net/${containerd.bridge}`), false);
    });

    it('enforces a seccomp profile that lies on the node', async () => {
      const containerd = await startContainerd({ version });
      const client = connectCri(containerd.socket);
      try {
        const file = path.join(containerd.folder, 'deny-chmod.json');
        writeFileSync(file, JSON.stringify(denyChmod));
        const seccomp = { profileType: SecurityProfile_ProfileType.Localhost, localhostRef: file };
        const confined = await runPod(client, { name: 'confined', seccomp });
        assert.equal((await confined.exec('touch', '/tmp/file')).exitCode, 0);
        const refused = await confined.exec('chmod', '600', '/tmp/file');
        assert.equal(refused.exitCode, 1);
        assert.match(refused.stderr, /Operation not permitted/);
        const free = await runPod(client, { name: 'free' });
        assert.equal((await free.exec('chmod', '600', '/etc/passwd')).exitCode, 0);

        seccomp.localhostRef = path.join(containerd.folder, 'nowhere.json');
        await assert.rejects(runPod(client, { name: 'refused', seccomp }), /nowhere\.json: no such file or directory/);
        assert.equal((await client.listPodSandbox()).items.length, 2);
      } finally {
        client.close();
        await containerd.stop();
      }
    });
  });
}

describePeers(containerdRequirements, 'CRI client', () => {
  it('keeps the status code and the words of a refusal', async () => {
    const containerd = await startContainerd();
    const client = connectCri(containerd.socket);
    try {
      await assert.rejects(client.containerStatus({ containerId: 'none' }), {
        code: status.NOT_FOUND,
        name: 'CriError',
      });
      const unknown = client.raw('/runtime.v1.RuntimeService/Nothing', new Uint8Array());
      await assert.rejects(unknown, { code: status.UNIMPLEMENTED, message: /unknown method Nothing/ });
    } finally {
      client.close();
      await containerd.stop();
    }
    await assert.rejects(connectCri(containerd.socket).version(), { code: status.UNAVAILABLE });
  });

  it('reads the stream of container events', async () => {
    const containerd = await startContainerd();
    const client = connectCri(containerd.socket);
    try {
      const events = client.getContainerEvents();
      const pod = await runPod(client);
      for await (const event of events) if (event.containerId === pod.containerId) break;
      await pod.remove();
    } finally {
      client.close();
      await containerd.stop();
    }
  });
});

/**
 * The sockets of a containerd's shims, which lie outside its folder; 1.6 and 2.x note them in
 * different files.
 */
function shimSockets(folder: string): string[] {
  const state = path.join(folder, 'state');
  return readdirSync(state, { recursive: true, encoding: 'utf8' })
    .filter((name) => ['address', 'bootstrap.json'].includes(path.basename(name)))
    .flatMap((name) => readFileSync(path.join(state, name), 'utf8').match(/(?<=unix:\/\/)[^"\s]+/g) ?? []);
}
