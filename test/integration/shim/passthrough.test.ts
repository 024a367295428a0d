import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { busyboxReference } from '#test/peers/image';
import { describePeers } from '#test/peers/require';
import { type CriClient, connectCri, status } from '#test/support/cri/client';
import { type Pod, runPod } from '#test/support/cri/pod';
import { startTestShim, type TestShim } from '#test/support/cri/shim';
import { ContainerEventType } from '../../../lib/cri/gen/cri_pb.js';

/** The images by id: containerd lists them in any order. */
async function listImages(client: CriClient): Promise<readonly object[]> {
  return (await client.listImages()).images.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

describePeers(containerdRequirements, 'shim before containerd: what passes unchanged', () => {
  let containerd: Containerd;
  let shim: TestShim;
  let direct: CriClient;
  let pod: Pod;
  before(async () => {
    containerd = await startContainerd();
    shim = await startTestShim({ runtime: containerd.socket, registryHost: '127.0.0.1:1' });
    direct = connectCri(containerd.socket);
    pod = await runPod(shim.client, { name: 'plain', network: 'pod' });
  });
  after(async () => {
    direct?.close();
    await shim?.stop();
    await containerd?.stop();
  });

  it('version, lists and statuses', async () => {
    const method = '/runtime.v1.RuntimeService/Version';
    const none = new Uint8Array();
    assert.deepEqual(await shim.client.raw(method, none), await direct.raw(method, none), 'byte for byte');
    // containerd writes maps in random order, so what has labels is compared as values
    const { containerId, sandboxId: podSandboxId } = pod;
    const questions: ((client: CriClient) => Promise<unknown>)[] = [
      (client) => client.listPodSandbox(),
      (client) => client.listContainers(),
      listImages,
      (client) => client.containerStatus({ containerId, verbose: true }),
      (client) => client.podSandboxStatus({ podSandboxId }),
      (client) => client.imageStatus({ image: { image: busyboxReference } }),
    ];
    for (const ask of questions) assert.deepEqual(await ask(shim.client), await ask(direct));
  });

  it('calls that the shim has never heard of, and errors as the runtime words them', async () => {
    for (const method of [
      '/runtime.v1.RuntimeService/NoSuchCall',
      '/no.such.Service/Call',
      '/runtime.v1alpha2.RuntimeService/NoSuchCall',
    ]) {
      const refusals = await Promise.allSettled(
        [shim.client, direct].map((client) => client.raw(method, new Uint8Array())),
      );
      const [through, bare] = refusals.map((refusal) =>
        refusal.status === 'rejected' ? [refusal.reason.code, refusal.reason.message] : undefined,
      );
      assert.deepEqual(through, bare);
      assert.equal(bare?.[0], status.UNIMPLEMENTED);
    }
    const missing = (client: CriClient) => client.containerStatus({ containerId: 'ab'.repeat(32) });
    const [through, bare] = await Promise.allSettled([missing(shim.client), missing(direct)]);
    assert.ok(through.status === 'rejected' && bare.status === 'rejected');
    assert.deepEqual([through.reason.code, through.reason.message], [bare.reason.code, bare.reason.message]);
    assert.equal(bare.reason.code, status.NOT_FOUND);
  });

  it('images: what ctr imports and tags is listed, and removed', async () => {
    const names = async () => (await shim.client.listImages()).images.flatMap(({ repoTags }) => repoTags);
    assert.ok((await names()).includes(busyboxReference), 'imported when containerd was started');
    const tag = 'localhost/fairlead/passthrough:1';
    containerd.ctr('images', 'tag', busyboxReference, tag);
    // the CRI side of containerd hears of it by an event
    await eventually(async () => (await names()).includes(tag));
    assert.deepEqual(await listImages(shim.client), await listImages(direct));
    containerd.ctr('images', 'remove', tag);
    await eventually(async () => !(await names()).includes(tag));
  });

  it('exec, its streams, and logs', async () => {
    assert.deepEqual(await pod.exec('sh', '-c', 'echo out; echo err >&2; exit 7'), {
      exitCode: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    const large = await pod.exec('sh', '-c', 'head -c 3000000 /dev/zero');
    assert.equal(large.stdout.length, 3_000_000);
    const { url } = await shim.client.exec({ containerId: pod.containerId, cmd: ['true'], stdout: true });
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/exec\//);
    assert.equal(pod.log(), 'ready\n');
    await shim.client.reopenContainerLog({ containerId: pod.containerId });
  });

  it('the stream of container events, while it happens', async () => {
    const events = shim.client.getContainerEvents();
    const seen: [string, ContainerEventType][] = [];
    const reading = (async () => {
      for await (const { containerId, containerEventType } of events) seen.push([containerId, containerEventType]);
    })().catch((error: { code: number }) => assert.equal(error.code, status.CANCELLED));
    await sleep(200);
    const other = await runPod(shim.client, { name: 'eventful' });
    await other.remove();
    const of = () => seen.filter(([id]) => id === other.containerId).map(([, type]) => type);
    await eventually(() => of().includes(ContainerEventType.CONTAINER_DELETED_EVENT));
    assert.deepEqual(
      new Set(of()),
      new Set([
        ContainerEventType.CONTAINER_CREATED_EVENT,
        ContainerEventType.CONTAINER_STARTED_EVENT,
        ContainerEventType.CONTAINER_STOPPED_EVENT,
        ContainerEventType.CONTAINER_DELETED_EVENT,
      ]),
    );
    events.cancel();
    await reading;
  });

  async function eventually(condition: () => Promise<boolean> | boolean): Promise<void> {
    for (let i = 0; i < 200 && !(await condition()); i++) await sleep(50);
    assert.ok(await condition());
  }
});
