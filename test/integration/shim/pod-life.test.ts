import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, it } from 'node:test';
import { pack } from 'tar-stream';
import { addFeature } from '#cri-shim/calls/status';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { mediaTypes } from '#lib/registry/descriptor';
import { type Containerd, containerdRequirements, startContainerd } from '#test/peers/containerd';
import { describePeers } from '#test/peers/require';
import { shapeOf } from '#test/support/cri/answer-shape';
import { type CriClient, connectCri } from '#test/support/cri/client';
import { livePod, type PodLife } from '#test/support/cri/pod-life';
import { startTestShim, type TestShim } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';

/** What is answered with no error, of the rest some. */
const answered = [
  ...['pull', 'image', 'images', 'disk', 'sandbox', 'running sandbox in full', "running sandbox's ports", 'container'],
  ...['start', 'running container in full', "running container's stats", "running container's log", 'output'],
  ...["running container's terminal", "running container's streams", 'resources', 'stop', 'removal'],
  ...['stop of the sandbox', 'removal of the sandbox', 'removal of the image'],
];

describePeers(containerdRequirements, 'a whole pod life, directly and through the shim', () => {
  let containerd: Containerd;
  let shim: TestShim;
  let direct: CriClient;
  let registry: ServingRegistry;
  let lives: readonly [bare: PodLife, through: PodLife];
  before(async () => {
    [containerd, registry] = await Promise.all([startContainerd(), new ServingRegistry().start()]);
    shim = await startTestShim({ runtime: containerd.socket, registryHost: registry.host });
    direct = connectCri(containerd.socket);
    const image = await publishImage();
    lives = [await live(direct, image), await live(shim.client, image)];
  });
  after(async () => {
    direct?.close();
    await shim?.stop();
    await containerd?.stop();
    await registry?.stop();
  });

  /** Serves an image that nothing runs, and returns its reference. */
  async function publishImage(): Promise<string> {
    const archive = pack();
    archive.entry({ name: 'file' }, 'content');
    archive.finalize();
    const layer = blob('application/vnd.oci.image.layer.v1.tar', await buffer(archive));
    const platform = { architecture: process.arch === 'x64' ? 'amd64' : process.arch, os: 'linux' };
    const rootfs = { type: 'layers', diff_ids: [layer.descriptor.digest] };
    const text = JSON.stringify({ ...platform, config: { User: '1000', Cmd: ['/file'] }, rootfs });
    const config = blob('application/vnd.oci.image.config.v1+json', Buffer.from(text));
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest } as const;
    const contents = { config: config.descriptor, layers: [layer.descriptor] };
    const artifact = assembleArtifact({ ...manifest, ...contents }, [config, layer]);
    registry.add('team/image', artifact);
    return `${registry.host}/team/image@${artifact.descriptor.digest}`;
  }

  async function live(client: CriClient, image: string): Promise<PodLife> {
    const logDirectory = path.join(containerd.folder, 'pod-log');
    mkdirSync(logDirectory);
    try {
      const life = await livePod(client, { logDirectory, image });
      assert.match(readFileSync(path.join(logDirectory, 'main_0.log'), 'utf8'), /^\S+ stdout F ready\n/);
      return life;
    } finally {
      rmSync(logDirectory, { recursive: true });
    }
  }

  it('has the same answers, and the same errors', () => {
    const [bare, through] = lives.map(({ answers }) => new Map(answers)) as [
      Map<string, unknown>,
      Map<string, unknown>,
    ];
    for (const name of ['status', 'status in full']) {
      const added = addFeature(lives[0].bytes.get(name) ?? assert.fail());
      bare.set(name, shapeOf(added, new Map()));
    }
    assert.deepEqual([...through.keys()], [...bare.keys()]);
    for (const name of answered) assert.ok(!('code' in (bare.get(name) as object)), name);
    for (const [name, answer] of bare) assert.deepEqual(through.get(name), answer, name);
  });

  it('has the same events', () => {
    const [bare, through] = lives;
    assert.equal(bare.events.length, 8);
    assert.deepEqual(through.events, bare.events);
  });
});
