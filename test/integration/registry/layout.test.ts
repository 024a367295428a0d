import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { layoutRepository } from '#lib/registry/layout/repository';
import { parseManifest } from '#lib/registry/manifest';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';

const run = promisify(execFile);
const limit = 4_000_000;

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-layout-'));
});
after(() => rm(directory, { recursive: true }));

describePeers(['oras', 'skopeo'], 'layoutRepository beside other tools', () => {
  it('writes what oras and skopeo read, tags of several repositories in one directory', async () => {
    for (const repository of ['security/nginx', 'security/redis', 'localhost:5000/apps/web']) {
      const target = layoutRepository(directory, repository);
      const layer = blob(`profile of ${repository}`);
      const image = manifest([layer]);
      const signature = manifest([], { subject: image.descriptor, artifactType: 'application/vnd.test.signature' });
      await pushAll(target, [layer, emptyConfig, image, signature]);
      await target.tag(image.descriptor, 'v1');
      const path = join(directory, repository.replace(':', '+'));
      const text = Buffer.from(image.bytes).toString();
      const oras = await run(peer('oras'), ['manifest', 'fetch', '--oci-layout', `${path}:v1`]);
      assert.equal(oras.stdout.trim(), text);
      const skopeo = await run(peer('skopeo'), ['inspect', '--raw', `oci:${path}:v1`]);
      assert.equal(skopeo.stdout, text);
      const found = await run(peer('oras'), ['discover', '--oci-layout', '--format', 'json', `${path}:v1`]);
      assert.match(found.stdout, new RegExp(signature.descriptor.digest));
      const copied = join(directory, 'copied');
      await run(peer('oras'), ['cp', '-r', '--from-oci-layout', '--to-oci-layout', `${path}:v1`, `${copied}:v1`]);
      await rm(copied, { recursive: true });
    }
  });

  it('reads what oras wrote, and oras and we add to it in turn', async () => {
    const path = join(directory, 'theirs');
    await writeFile(join(directory, 'profile.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
    const push = ['push', '--oci-layout', '--artifact-type', 'application/vnd.test', `${path}:v1`, 'profile.json'];
    await run(peer('oras'), push, { cwd: directory });
    const target = layoutRepository(directory, 'theirs');
    const theirs = await target.resolve('v1');
    const [layer] = parseManifest(await fetchBytes(target, theirs, { limit })).layers;
    assert(layer !== undefined);
    assert.match(Buffer.from(await fetchBytes(target, layer, { limit })).toString(), /SCMP_ACT_ERRNO/);
    const signature = manifest([], { subject: theirs, artifactType: 'application/vnd.test.signature' });
    await pushAll(target, [emptyConfig, signature]);
    await target.tag(signature.descriptor, 'signature');
    await run(
      peer('oras'),
      ['attach', '--oci-layout', '--artifact-type', 'application/vnd.test.sbom', `${path}:v1`, 'profile.json'],
      {
        cwd: directory,
      },
    );
    const listed = await target.referrers(theirs);
    assert.deepEqual(listed.map(({ artifactType }) => artifactType).sort(), [
      'application/vnd.test.sbom',
      'application/vnd.test.signature',
    ]);
    const tags = await run(peer('oras'), ['repo', 'tags', '--oci-layout', path]);
    assert.deepEqual(tags.stdout.trim().split('\n').sort(), ['signature', 'v1']);
  });

  it('reads what skopeo copied', async () => {
    const ours = layoutRepository(directory, 'for/skopeo');
    const layer = blob(Buffer.from('layer'), 'application/vnd.oci.image.layer.v1.tar');
    const config = blob(
      '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
      'application/vnd.oci.image.config.v1+json',
    );
    const value = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: config.descriptor,
      layers: [layer.descriptor],
    };
    const image = blob(JSON.stringify(value), value.mediaType);
    await pushAll(ours, [layer, config, image]);
    await ours.tag(image.descriptor, 'v1');
    const to = join(directory, 'skopeo');
    const policy = join(directory, 'policy.json');
    await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    await run(peer('skopeo'), ['--policy', policy, 'copy', `oci:${join(directory, 'for/skopeo')}:v1`, `oci:${to}:v2`]);
    const theirs = layoutRepository(directory, 'skopeo');
    const descriptor = await theirs.resolve('v2');
    // skopeo compresses layers as it copies.
    const [copied] = parseManifest(await fetchBytes(theirs, descriptor, { limit })).layers;
    assert(copied !== undefined);
    assert.equal(gunzipSync(await fetchBytes(theirs, copied, { limit })).toString(), 'layer');
  });
});

/**
 * A process of its own that pushes manifests of `name` number `from` up to `to` into repository
 * `shared`, each under its own tag.
 */
function writer(name: string, from: number, to: number): ReturnType<typeof spawn> {
  const program = `
    import { layoutRepository } from '#lib/registry/layout/repository';
    import { blob, emptyConfig, manifest } from '#test/support/contract/content';
    const target = layoutRepository(process.argv[1], 'shared');
    await target.push(emptyConfig.descriptor, emptyConfig.bytes);
    for (let n = ${from}; n < ${to}; n++) {
      const layer = blob('${name} ' + n);
      const image = manifest([layer]);
      await target.push(layer.descriptor, layer.bytes);
      await target.push(image.descriptor, image.bytes);
      await target.tag(image.descriptor, '${name}-' + n);
      console.log(n);
    }`;
  const cwd = new URL('../../..', import.meta.url);
  return spawn(process.execPath, ['--input-type=module', '--eval', program, directory], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

const ended = (child: ReturnType<typeof spawn>): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', resolve));

describe('layoutRepository shared by processes', () => {
  it('loses no tag when three processes write at once', async () => {
    const writers = ['a', 'b', 'c'].map((name) => writer(name, 0, 10));
    assert.deepEqual(await Promise.all(writers.map(ended)), [0, 0, 0]);
    const target = layoutRepository(directory, 'shared');
    for (const name of ['a', 'b', 'c']) for (let n = 0; n < 10; n++) await target.resolve(`${name}-${n}`);
  });

  it('is consistent whenever a writer is killed, and free for the next one', async () => {
    for (let round = 0; round < 6; round++) {
      const child = writer(`killed${round}`, 0, 10_000);
      let last = -1;
      child.stdout?.on('data', (text: Buffer) => {
        last = Number(text.toString().trim().split('\n').at(-1));
      });
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, 20 + 23 * round));
      child.kill('SIGKILL');
      await ended(child);
      const target = layoutRepository(directory, 'shared');
      // Every tag that the writer said was set is there, with all that belongs to it.
      for (let n = 0; n <= last; n++) await fetchBytes(target, await target.resolve(`killed${round}-${n}`), { limit });
      const root = join(directory, 'shared');
      const listed = JSON.parse(await readFile(join(root, 'index.json'), 'utf8')).manifests;
      for (const descriptor of listed) {
        const { layers } = parseManifest(await fetchBytes(target, descriptor, { limit }));
        for (const layer of layers) await fetchBytes(target, layer, { limit });
      }
      for (const name of await readdir(join(root, 'blobs/sha256'))) {
        assert.equal(digestOf(await readFile(join(root, 'blobs/sha256', name))), `sha256:${name}`);
      }
      const next = manifest([], { annotations: { round: String(round) } });
      await target.push(next.descriptor, next.bytes);
    }
  });
});

describePeers(['root'], 'layoutRepository on a full disk', () => {
  it('is reported, keeps what was there and leaves nothing half-written', async () => {
    const disk = join(directory, 'disk');
    await mkdir(disk);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk]);
    try {
      const target = layoutRepository(disk, 'full');
      const image = manifest([]);
      await pushAll(target, [emptyConfig, image]);
      await target.tag(image.descriptor, 'v1');
      const large = blob(Buffer.alloc(400_000, 'x'));
      await assert.rejects(target.push(large.descriptor, large.bytes), {
        kind: 'Unavailable',
        message: /ENOSPC/,
        hint: /Free some space/,
      });
      const names = await readdir(disk, { recursive: true });
      assert(!names.some((name) => name.endsWith(large.descriptor.digest.slice(7))));
      assert.deepEqual(await readdir(join(disk, 'full/.ingest')), []);
      assert.deepEqual(await target.resolve('v1'), image.descriptor);
      const small = blob('small enough');
      await target.push(small.descriptor, small.bytes);
      assert.equal(await target.exists(small.descriptor), true);
    } finally {
      await run('umount', [disk]);
    }
  });
});
