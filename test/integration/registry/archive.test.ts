import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type Header, pack } from 'tar-stream';
import { copy } from '#lib/registry/copy';
import { loadArchive, saveArchive } from '#lib/registry/layout/archive';
import { layoutRepository } from '#lib/registry/layout/repository';
import { memoryRepository } from '#lib/registry/memory';
import { peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';

const run = promisify(execFile);
const limit = 10_000_000;
let directory: string;
let count = 0;
const fresh = (): string => `r${count++}`;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-archive-'));
});
after(() => rm(directory, { recursive: true }));

const layer = blob('layer');
const image = manifest([layer]);
const signature = manifest([], { subject: image.descriptor, artifactType: 'a/signature' });

async function filled(name = fresh()): Promise<string> {
  const target = layoutRepository(directory, name);
  await pushAll(target, [layer, emptyConfig, image, signature]);
  await target.tag(image.descriptor, 'v1');
  return name;
}

async function saved(name: string): Promise<string> {
  const file = join(directory, `${name}.tar`);
  await saveArchive(directory, name, createWriteStream(file));
  return file;
}

/** An archive of the given entries. */
async function archive(
  entries: readonly [Partial<Header> & { name: string }, string?][],
): Promise<AsyncIterable<Uint8Array>> {
  const packed = pack();
  for (const [header, content] of entries) packed.entry(header, content ?? '');
  packed.finalize();
  return Readable.from(packed);
}

describe('OCI archives', () => {
  it('carry an artifact with its signature from one place to another', async () => {
    const file = await saved(await filled());
    const name = fresh();
    await loadArchive(createReadStream(file), directory, name, { limit });
    const target = memoryRepository();
    await copy(layoutRepository(directory, name), target, 'v1', { withReferrers: true });
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert.equal((await target.referrers(image.descriptor)).length, 1);
  });

  it('are the same bytes for the same content', async () => {
    const [one, two] = [await saved(await filled()), await saved(await filled())];
    assert((await readFile(one)).equals(await readFile(two)));
  });

  it('are the same bytes in whatever order the content came', async () => {
    const others = ['one', 'two', 'three'].map((text) => manifest([], { annotations: { text } }));
    const files: Buffer[] = [];
    for (const ordered of [others, others.toReversed()]) {
      const name = fresh();
      const target = layoutRepository(directory, name);
      for (const { descriptor, bytes } of [emptyConfig, ...ordered]) await target.push(descriptor, bytes);
      const [, middle] = others;
      assert(middle);
      for (const tag of ordered === others ? ['a', 'b'] : ['b', 'a']) await target.tag(middle.descriptor, tag);
      files.push(await readFile(await saved(name)));
    }
    assert(files[0]?.equals(files[1] ?? Buffer.of()));
  });

  it('are read into what exists: tags move, nothing is lost', async () => {
    const file = await saved(await filled());
    const name = fresh();
    const target = layoutRepository(directory, name);
    const other = manifest([], { annotations: { other: 'yes' } });
    await pushAll(target, [emptyConfig, other]);
    for (const tag of ['v1', 'v0']) await target.tag(other.descriptor, tag);
    await loadArchive(createReadStream(file), directory, name, { limit });
    await loadArchive(createReadStream(file), directory, name, { limit });
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert.deepEqual(await target.resolve('v0'), other.descriptor);
    const index = JSON.parse(await readFile(join(directory, name, 'index.json'), 'utf8'));
    assert.equal(index.manifests.length, 3);
  });

  it('that are invalid are named, with the next step', async () => {
    const options = { limit, origin: 'nginx.tar' };
    for (const input of [await archive([[{ name: 'manifest.json' }, '[]']]), Readable.from([Buffer.alloc(600, 'x')])]) {
      await assert.rejects(loadArchive(input, directory, fresh(), options), {
        kind: 'InvalidInput',
        message: /^nginx\.tar: /,
        hint: /uncompressed tar of an OCI layout/,
      });
    }
  });

  const index = JSON.stringify({ schemaVersion: 2, manifests: [] });
  const refused: [string, [Partial<Header> & { name: string }, string?][], object][] = [
    ['a name with ..', [[{ name: 'blobs/sha256/../../../evil' }, 'x']], { kind: 'InvalidInput', message: /leads out/ }],
    [
      'a name with .. of another system',
      [[{ name: 'blobs\\..\\evil' }, 'x']],
      { kind: 'InvalidInput', message: /leads out/ },
    ],
    [
      'an index that lists what is not there',
      [[{ name: 'index.json' }, JSON.stringify({ schemaVersion: 2, manifests: [image.descriptor] })]],
      { kind: 'InvalidInput', message: /not in it/ },
    ],
    ['an absolute name', [[{ name: '/etc/evil' }, 'x']], { kind: 'InvalidInput', message: /leads out/ }],
    [
      'a symbolic link',
      [[{ name: 'blobs', type: 'symlink', linkname: '/etc' }]],
      { kind: 'InvalidInput', message: /symlink/ },
    ],
    [
      'a hard link',
      [[{ name: 'index.json', type: 'link', linkname: '/etc/passwd' }]],
      { kind: 'InvalidInput', message: /link/ },
    ],
    ['a device', [[{ name: 'x', type: 'character-device' }]], { kind: 'InvalidInput', message: /device/ }],
    ['a blob of another digest', [[{ name: `blobs/sha256/${'a'.repeat(64)}` }, 'x']], { kind: 'Conflict' }],
    ['no index', [[{ name: 'oci-layout' }, '{}']], { kind: 'InvalidInput', message: /no index\.json/ }],
    ['an invalid index', [[{ name: 'index.json' }, '[]']], { kind: 'InvalidInput' }],
    [
      'too many bytes',
      [
        [{ name: 'other' }, 'x'.repeat(2000)],
        [{ name: 'index.json' }, index],
      ],
      { kind: 'LimitExceeded' },
    ],
  ];
  for (const [title, entries, error] of refused) {
    it(`with ${title} are refused, and nothing of them is listed`, async () => {
      const name = fresh();
      await assert.rejects(loadArchive(await archive(entries), directory, name, { limit: 1000 }), error);
      await assert.rejects(layoutRepository(directory, name).resolve('v1'), { kind: 'NotFound' });
      const files = (
        await readdir(join(directory, name), { recursive: true, withFileTypes: true }).catch(() => [])
      ).filter((entry) => entry.isFile());
      assert.deepEqual(files, []);
    });
  }

  it('that are cut or no tar are refused', async () => {
    const bytes = await readFile(await saved(await filled()));
    async function* cut(length: number) {
      yield bytes.subarray(0, length);
    }
    for (const length of [100, 700, 1500, bytes.length >> 1]) {
      await assert.rejects(loadArchive(cut(length), directory, fresh(), { limit }), { name: 'FairleadError' });
    }
    const noise = (async function* () {
      yield Buffer.alloc(5000, 'noise');
    })();
    await assert.rejects(loadArchive(noise, directory, fresh(), { limit }), {
      kind: 'InvalidInput',
      hint: /uncompressed tar/,
    });
  });

  it('whose file cannot be written report it', async () => {
    const name = await filled();
    await assert.rejects(saveArchive(directory, name, createWriteStream(join(directory, 'no/such/file'))), {
      kind: 'Unavailable',
      message: /no such file or directory/,
    });
    // A disk that is full.
    await assert.rejects(saveArchive(directory, name, createWriteStream('/dev/full')), {
      kind: 'Unavailable',
      message: /no space left/,
    });
  });

  it('of a layout that does not exist report it', async () => {
    await assert.rejects(saveArchive(directory, 'absent', createWriteStream(join(directory, 'absent.tar'))), {
      kind: 'NotFound',
    });
  });
});

describePeers(['skopeo', 'oras'], 'OCI archives beside other tools', () => {
  it('are read by skopeo and oras', async () => {
    const file = await saved(await filled());
    const skopeo = await run(peer('skopeo'), ['inspect', '--raw', `oci-archive:${file}:v1`]);
    assert.equal(skopeo.stdout, Buffer.from(image.bytes).toString());
    const oras = await run(peer('oras'), ['discover', '--oci-layout', '--format', 'json', `${file}:v1`]);
    assert.match(oras.stdout, new RegExp(signature.descriptor.digest));
  });

  it('that skopeo wrote are read', async () => {
    const name = fresh();
    const config = blob(
      '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
      'application/vnd.oci.image.config.v1+json',
    );
    const type = 'application/vnd.oci.image.manifest.v1+json';
    const plain = blob(
      JSON.stringify({ schemaVersion: 2, mediaType: type, config: config.descriptor, layers: [] }),
      type,
    );
    const source = layoutRepository(directory, name);
    await pushAll(source, [config, plain]);
    await source.tag(plain.descriptor, 'v1');
    const policy = join(directory, 'policy.json');
    await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    const file = join(directory, 'skopeo.tar');
    await run(peer('skopeo'), [
      '--policy',
      policy,
      'copy',
      `oci:${join(directory, name)}:v1`,
      `oci-archive:${file}:v2`,
    ]);
    const loaded = fresh();
    await loadArchive(createReadStream(file), directory, loaded, { limit });
    assert.equal((await layoutRepository(directory, loaded).resolve('v2')).mediaType, type);
  });
});
