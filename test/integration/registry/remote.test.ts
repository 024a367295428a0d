import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import type { FairleadError } from '#lib/errors';
import { cachedRepository } from '#lib/registry/cache';
import { copy } from '#lib/registry/copy';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { layoutRepository } from '#lib/registry/layout/repository';
import { parseManifest } from '#lib/registry/manifest';
import { referrersTag } from '#lib/registry/remote/referrers-tag';
import { remoteRepository } from '#lib/registry/remote/repository';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, index, manifest, pushAll } from '#test/support/contract/content';
import { targetContract } from '#test/support/contract/target';

const run = promisify(execFile);
const limit = 4_000_000;
let count = 0;
const fresh = (): string => `test/r${count++}`;

describePeers(['docker-registry', 'oras', 'crane', 'skopeo'], 'remoteRepository against docker-registry 2.8', () => {
  let registry: Registry;
  let directory: string;
  before(async () => {
    registry = await startRegistry();
    directory = await mkdtemp(join(tmpdir(), 'registry-remote-'));
  });
  after(async () => {
    await registry.stop();
    await rm(directory, { recursive: true });
  });
  const open = (repository = fresh()) => remoteRepository({ registry: registry.host, repository });

  targetContract(() => open());

  it('reads what oras pushed', async () => {
    const repository = fresh();
    await writeFile(join(directory, 'profile.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
    await writeFile(join(directory, 'config.json'), '{}');
    const name = `${registry.host}/${repository}:v1`;
    const type = 'application/vnd.cncf.seccomp-profile.config.v1+json';
    await run(
      peer('oras'),
      [
        'push',
        '--plain-http',
        '--artifact-type',
        type,
        '--config',
        `config.json:${type}`,
        name,
        'profile.json:application/json',
      ],
      { cwd: directory },
    );
    const target = open(repository);
    const descriptor = await target.resolve('v1');
    const { config, layers, artifactType } = parseManifest(await fetchBytes(target, descriptor, { limit }));
    assert.equal(config.mediaType, type);
    assert.equal(artifactType, type);
    assert.equal(layers.length, 1);
    const [layer] = layers;
    assert(layer !== undefined);
    assert.equal(
      Buffer.from(await fetchBytes(target, layer, { limit })).toString(),
      '{"defaultAction":"SCMP_ACT_ERRNO"}',
    );
  });

  it('writes what oras, crane and skopeo read', async () => {
    const repository = fresh();
    const target = open(repository);
    const layer = blob('layer content', 'application/json');
    const image = manifest([layer]);
    await pushAll(target, [layer, emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
    const name = `${registry.host}/${repository}`;
    const text = Buffer.from(image.bytes).toString();
    const oras = await run(peer('oras'), ['manifest', 'fetch', '--plain-http', `${name}:v1`]);
    assert.equal(oras.stdout.trim(), text);
    const crane = await run(peer('crane'), ['manifest', '--insecure', `${name}@${image.descriptor.digest}`]);
    assert.equal(crane.stdout, text);
    const skopeo = await run(peer('skopeo'), ['inspect', '--raw', '--tls-verify=false', `docker://${name}:v1`]);
    assert.equal(skopeo.stdout, text);
    const pulled = await run(peer('oras'), [
      'blob',
      'fetch',
      '--plain-http',
      '--output',
      '-',
      `${name}@${layer.descriptor.digest}`,
    ]);
    assert.equal(pulled.stdout, 'layer content');
  });

  it('lists referrers under the fallback tag, where oras finds them and adds its own', async () => {
    const repository = fresh();
    const target = open(repository);
    const subject = manifest([]);
    const signature = manifest([], { subject: subject.descriptor, artifactType: 'application/vnd.test.signature' });
    await pushAll(target, [emptyConfig, subject, signature]);
    const name = `${registry.host}/${repository}@${subject.descriptor.digest}`;
    const found = await run(peer('oras'), ['discover', '--plain-http', '--format', 'json', name]);
    assert.match(found.stdout, new RegExp(signature.descriptor.digest));
    await writeFile(join(directory, 'sbom.json'), '{}');
    await run(
      peer('oras'),
      ['attach', '--plain-http', '--artifact-type', 'application/vnd.test.sbom', name, 'sbom.json'],
      { cwd: directory },
    );
    const listed = await target.referrers(subject.descriptor);
    assert.deepEqual(listed.map(({ artifactType }) => artifactType).sort(), [
      'application/vnd.test.sbom',
      'application/vnd.test.signature',
    ]);
    const list = await target.resolve(referrersTag(subject.descriptor.digest));
    assert.equal(list.mediaType, 'application/vnd.oci.image.index.v1+json');
  });

  it('loses no referrer when many writers add to the fallback tag at once', async () => {
    const repository = fresh();
    const subject = manifest([]);
    await pushAll(open(repository), [emptyConfig, subject]);
    // Each has its own client, as separate processes have: nothing but the registry is shared.
    const referrers = Array.from({ length: 8 }, (_, n) =>
      manifest([], { subject: subject.descriptor, annotations: { n: String(n) } }),
    );
    await Promise.all(referrers.map(({ descriptor, bytes }) => open(repository).push(descriptor, bytes)));
    const listed = await open(repository).referrers(subject.descriptor);
    assert.deepEqual(
      listed.map(({ digest }) => digest).sort(),
      referrers.map(({ descriptor }) => descriptor.digest).sort(),
    );
  });

  it('copies an index with its referrers to a layout directory and into another registry', async () => {
    const repository = fresh();
    const source = open(repository);
    const layer = blob('platform layer');
    const images = [manifest([layer]), manifest([layer], { annotations: { n: '2' } })];
    const list = index(images);
    const signature = manifest([], { subject: list.descriptor, artifactType: 'a/signature' });
    await pushAll(source, [layer, emptyConfig, ...images, list, signature]);
    await source.tag(list.descriptor, 'v1');
    const saved = layoutRepository(directory, repository);
    await copy(source, saved, 'v1', { withReferrers: true });
    const loaded = open(`${repository}/loaded`);
    await copy(saved, loaded, 'v1', { withReferrers: true });
    assert.deepEqual(await loaded.resolve('v1'), list.descriptor);
    assert.deepEqual(
      (await loaded.referrers(list.descriptor)).map(({ digest }) => digest),
      [signature.descriptor.digest],
    );
    for (const { descriptor } of images) assert.equal(await loaded.exists(descriptor), true);
  });

  it('takes blobs over from another repository of the registry in place of sending them', async () => {
    const source = open();
    const layer = blob(randomBytes(50_000));
    const image = manifest([layer]);
    await pushAll(source, [layer, emptyConfig, image]);
    const target = open();
    const before = (await readFile(registry.log, 'utf8')).length;
    await copy(source, target, image.descriptor.digest, { withReferrers: false });
    const log = (await readFile(registry.log, 'utf8')).slice(before);
    assert.equal(log.match(/"POST [^"]*mount=[^"]*" 201 /g)?.length, 2, log);
    assert.doesNotMatch(log, /"PUT [^"]*\/blobs\//);
    assert(Buffer.from(layer.bytes).equals(await fetchBytes(target, layer.descriptor, { limit })));
    assert.equal(await target.mount(blob('absent').descriptor, source.repository), false);
  });

  it('keeps blobs under sha512 digests, and copies them', async () => {
    const long = (bytes: Uint8Array) => ({ ...blob(bytes).descriptor, digest: digestOf(bytes, 'sha512') });
    const layer = randomBytes(50_000);
    const image = manifest([{ descriptor: long(layer), bytes: layer }]);
    const source = open();
    await source.push(long(layer), layer);
    await pushAll(source, [emptyConfig, image]);
    await source.tag(image.descriptor, 'v1');
    const loaded = open();
    const saved = layoutRepository(directory, fresh());
    await copy(source, saved, 'v1', { withReferrers: false });
    await copy(saved, loaded, 'v1', { withReferrers: false });
    assert(layer.equals(await fetchBytes(loaded, long(layer), { limit })));
    await assert.rejects(loaded.push(long(randomBytes(10)), randomBytes(10)), { kind: 'InvalidInput' });
  });

  it('reports that this registry cannot remove single tags', async () => {
    const target = open();
    const image = manifest([]);
    await pushAll(target, [emptyConfig, image]);
    await target.tag(image.descriptor, 'a');
    await assert.rejects(target.untag('a'), {
      kind: 'InvalidInput',
      message: /single tags/,
      hint: /delete its manifest/,
    });
  });

  it('is read through a directory that keeps content by digest, also when the registry is gone', async () => {
    const other = await startRegistry();
    const layer = blob(randomBytes(50_000));
    const image = manifest([layer]);
    const source = remoteRepository({ registry: other.host, repository: 'a' }, { retry: { attempts: 1 } });
    try {
      await pushAll(source, [layer, emptyConfig, image]);
      await source.tag(image.descriptor, 'v1');
      const cached = cachedRepository(source, layoutRepository(join(directory, 'cache'), 'a'));
      for (const { descriptor } of [image, layer, emptyConfig, image]) await fetchBytes(cached, descriptor, { limit });
      assert.deepEqual(await cached.resolve('v1'), image.descriptor);
    } finally {
      await other.stop();
    }
    const cached = cachedRepository(source, layoutRepository(join(directory, 'cache'), 'a'));
    assert.deepEqual(await cached.resolve(image.descriptor.digest), image.descriptor);
    assert(Buffer.from(layer.bytes).equals(await fetchBytes(cached, layer.descriptor, { limit })));
    await assert.rejects(cached.resolve('v1'), { kind: 'Unavailable' });
  });

  it('reports which tag or digest a registry does not know, and what it answered', async () => {
    const target = open('no/such');
    const absent = manifest([]);
    const name = `${registry.host}/no/such`;
    const asked = `http://${registry.host}/v2/no/such/manifests/`;
    const { digest } = absent.descriptor;
    const refusals: readonly (readonly [() => Promise<unknown>, summary: string, answer: string, hint: RegExp])[] = [
      [() => target.resolve('v1'), `no tag v1 in ${name}`, `HEAD ${asked}v1: 404`, /`fairlead ls .*\/no\/such`$/],
      [() => target.resolveManifest('v1'), `no tag v1 in ${name}`, `GET ${asked}v1: 404`, /`fairlead ls /],
      [() => target.resolve(digest), `no manifest ${digest} in ${name}`, `HEAD ${asked}${digest}: 404`, /digest/],
      [
        () => target.fetch(absent.descriptor),
        `no manifest ${digest} in ${name}`,
        `GET ${asked}${digest}: 404`,
        /digest/,
      ],
    ];
    for (const [ask, summary, answer, hint] of refusals) {
      await assert.rejects(ask(), (error: FairleadError) => {
        assert.deepEqual([error.kind, error.summary], ['NotFound', summary]);
        assert(error.message.startsWith(`${summary}\n  ${answer}`), error.message);
        assert.match(error.hint ?? '', hint);
        return true;
      });
    }
  });

  it('reports which blobs are missing when a manifest is pushed before them', async () => {
    const early = manifest([blob('never pushed')]);
    await assert.rejects(open().push(early.descriptor, early.bytes), {
      kind: 'NotFound',
      message: /MANIFEST_BLOB_UNKNOWN|BLOB_UNKNOWN/,
    });
  });
});
