import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { FairleadError } from '#lib/errors';
import { blob, emptyConfig, index, manifest, pushAll } from '#test/support/contract/content';
import { targetContract } from '#test/support/contract/target';
import { digestOf } from '../digest.ts';
import { fetchBytes } from '../fetch-bytes.ts';
import { layoutRepository } from './repository.ts';
import { repositoryDirectory } from './repository-directory.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'layout-'));
});
after(() => rm(directory, { recursive: true }));

let count = 0;
const fresh = (): string => `test/r${count++}`;
const files = async (name: string): Promise<string[]> => {
  const found = await readdir(repositoryDirectory(directory, name), { recursive: true, withFileTypes: true });
  return found.filter((entry) => entry.isFile()).map((entry) => entry.name);
};

describe('layoutRepository', () => {
  targetContract(() => layoutRepository(directory, fresh()));

  it('keeps repositories apart, one below another too', async () => {
    const [outer, inner] = ['acme', 'acme/nginx'].map((name) => layoutRepository(directory, name));
    assert(outer !== undefined && inner !== undefined);
    const image = manifest([]);
    await pushAll(outer, [emptyConfig, image]);
    await outer.tag(image.descriptor, 'v1');
    await assert.rejects(inner.resolve('v1'), { kind: 'NotFound' });
    assert.equal(await inner.exists(image.descriptor), false);
  });

  it('sees what another instance for the same directory wrote', async () => {
    const name = fresh();
    const [one, two] = [layoutRepository(directory, name), layoutRepository(directory, name)];
    const images = [manifest([]), manifest([], { annotations: { n: '2' } })];
    for (const [at, image] of images.entries()) {
      await pushAll(one, [emptyConfig, image]);
      await one.tag(image.descriptor, 'latest');
      assert.deepEqual(await two.resolve('latest'), image.descriptor, `round ${at}`);
    }
  });

  it('lists only what is there, however it is pushed and deleted at the same time', async () => {
    const name = fresh();
    const [one, two] = [layoutRepository(directory, name), layoutRepository(directory, name)];
    const image = manifest([]);
    await pushAll(one, [emptyConfig, image]);
    for (let round = 0; round < 60; round++) {
      await Promise.all([
        one.push(image.descriptor, image.bytes),
        two.delete(image.descriptor).catch((error: FairleadError) => assert.equal(error.kind, 'NotFound')),
      ]);
      if (await one.exists(image.descriptor)) continue;
      await assert.rejects(one.resolve(image.descriptor.digest), { kind: 'NotFound' });
      await one.push(image.descriptor, image.bytes);
    }
  });

  it('untags, and keeps what had the tag', async () => {
    const target = layoutRepository(directory, fresh());
    const image = manifest([]);
    await pushAll(target, [emptyConfig, image]);
    for (const tag of ['a', 'b']) await target.tag(image.descriptor, tag);
    for (const tag of ['a', 'b']) {
      await target.untag(tag);
      await assert.rejects(target.resolve(tag), { kind: 'NotFound' });
      await assert.rejects(target.untag(tag), { kind: 'NotFound' });
      assert.deepEqual(await target.resolve(image.descriptor.digest), image.descriptor);
    }
  });

  it('keeps content under sha512 digests', async () => {
    const target = layoutRepository(directory, fresh());
    const bytes = new TextEncoder().encode('sha512');
    const layer = { mediaType: 'a/b', digest: digestOf(bytes, 'sha512'), size: bytes.length };
    await target.push(layer, bytes);
    const image = manifest([{ descriptor: layer, bytes }]);
    const long = { ...image.descriptor, digest: digestOf(image.bytes, 'sha512') };
    const signature = manifest([], { subject: long });
    for (const [descriptor, content] of [
      [emptyConfig.descriptor, emptyConfig.bytes],
      [long, image.bytes],
      [signature.descriptor, signature.bytes],
    ] as const) {
      await target.push(descriptor, content);
    }
    await target.tag(long, 'v1');
    assert.deepEqual(await target.resolve('v1'), long);
    assert.deepEqual(await fetchBytes(target, layer, { limit: 100 }), bytes);
    assert.equal((await target.referrers(long)).length, 1);
    await assert.rejects(target.push({ ...layer, digest: digestOf(bytes.subarray(1), 'sha512') }, bytes), {
      kind: 'InvalidInput',
    });
  });

  it('is an OCI image layout on the disk', async () => {
    const name = fresh();
    const target = layoutRepository(directory, name);
    const image = manifest([]);
    await pushAll(target, [emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
    const root = repositoryDirectory(directory, name);
    assert.deepEqual(JSON.parse(await readFile(join(root, 'oci-layout'), 'utf8')), { imageLayoutVersion: '1.0.0' });
    const { manifests } = JSON.parse(await readFile(join(root, 'index.json'), 'utf8'));
    assert.deepEqual(manifests, [
      {
        ...image.descriptor,
        artifactType: 'application/vnd.fairlead.test',
        annotations: { 'org.opencontainers.image.ref.name': 'v1' },
      },
    ]);
    const left = (await files(name)).filter((file) => !/^[0-9a-f]{64}$/.test(file)).sort();
    assert.deepEqual(left, ['.lock', 'index.json', 'oci-layout']);
  });

  it('finds a manifest that only an index of it lists', async () => {
    const name = fresh();
    const target = layoutRepository(directory, name);
    const image = manifest([]);
    const list = index([image]);
    await pushAll(target, [emptyConfig, image, list]);
    const path = join(repositoryDirectory(directory, name), 'index.json');
    await writeFile(path, JSON.stringify({ schemaVersion: 2, manifests: [list.descriptor] }));
    assert.deepEqual(await target.resolve(image.descriptor.digest), image.descriptor);
    await assert.rejects(target.resolve(emptyConfig.descriptor.digest), { kind: 'NotFound' });
  });

  it('refuses damaged content in place of giving it', async () => {
    const name = fresh();
    const target = layoutRepository(directory, name);
    const { descriptor, bytes } = blob('some content');
    await target.push(descriptor, bytes);
    const path = join(repositoryDirectory(directory, name), 'blobs/sha256', descriptor.digest.slice(7));
    for (const [damaged, kind] of [
      ['some Content', 'Conflict'],
      ['some conten', 'Unavailable'],
      ['some content!', 'LimitExceeded'],
    ] as const) {
      await writeFile(path, damaged);
      await assert.rejects(
        async () => {
          for await (const _ of await target.fetch(descriptor));
        },
        { kind },
      );
    }
    // Content of another size does not count: pushing replaces it.
    await writeFile(path, 'cut');
    assert.equal(await target.exists(descriptor), false);
    await target.push(descriptor, bytes);
    assert.equal(await readFile(path, 'utf8'), 'some content');
  });

  it('leaves nothing behind if the content fails in the middle', async () => {
    const name = fresh();
    const target = layoutRepository(directory, name);
    const { descriptor } = blob('never complete');
    const failing = async () =>
      (async function* () {
        yield new TextEncoder().encode('never');
        throw new Error('the source broke');
      })();
    await assert.rejects(target.push(descriptor, failing), /the source broke/);
    assert.deepEqual(await files(name), []);
  });

  it('removes what killed writers left, after an hour', async () => {
    const name = fresh();
    const target = layoutRepository(directory, name);
    await target.push(emptyConfig.descriptor, emptyConfig.bytes);
    const ingest = join(repositoryDirectory(directory, name), '.ingest');
    await writeFile(join(ingest, 'old'), 'x');
    await writeFile(join(ingest, 'young'), 'x');
    await utimes(join(ingest, 'old'), new Date(), new Date(Date.now() - 3_700_000));
    const image = manifest([]);
    await target.push(image.descriptor, image.bytes);
    assert.deepEqual(await readdir(ingest), ['young']);
  });

  it('reports what is wrong with a directory that is not a layout', async () => {
    const name = fresh();
    const target = layoutRepository(directory, name);
    await pushAll(target, [emptyConfig, manifest([])]);
    const root = repositoryDirectory(directory, name);
    await writeFile(join(root, 'index.json'), '{"schemaVersion":1}');
    await assert.rejects(target.resolve('v1'), { kind: 'InvalidInput', message: /index\.json.*schemaVersion/ });
    await writeFile(join(root, 'oci-layout'), '{"imageLayoutVersion":"9"}');
    const image = manifest([], { annotations: { n: 'new' } });
    await assert.rejects(layoutRepository(directory, name).push(image.descriptor, image.bytes), {
      kind: 'InvalidInput',
      message: /oci-layout/,
    });
  });
});

describe('repositoryDirectory', () => {
  it('puts a registry and its port into the path without a colon', () => {
    assert.equal(repositoryDirectory('/f', 'security/nginx'), '/f/security/nginx');
    assert.equal(repositoryDirectory('/f', 'localhost:5000/a/b'), '/f/localhost+5000/a/b');
    assert.equal(repositoryDirectory('/f', '[::1]:5000/a'), '/f/[++1]+5000/a');
  });

  for (const name of [
    '',
    '..',
    '../x',
    'a/../b',
    '/etc',
    'a//b',
    'A',
    'a/blobs',
    'a/index.json',
    'oci-layout',
    'ghcr.io/a:tag',
    'a\0',
  ]) {
    it(`refuses ${JSON.stringify(name)}`, () =>
      assert.throws(() => repositoryDirectory('/f', name), { kind: 'InvalidInput' }));
  }
});
