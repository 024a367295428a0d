import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import type { Repository } from '#lib/registry/target';
import { blob, emptyConfig, manifest, pushAll } from './content.ts';

/**
 * The contract of every Target. `open` returns an empty repository each time. Call it inside a
 * suite.
 */
export function targetContract(open: () => Repository | Promise<Repository>): void {
  it('returns what was pushed, by tag and by digest', async () => {
    const target = await open();
    const layer = blob(randomBytes(200_000));
    const image = manifest([layer]);
    await pushAll(target, [layer, emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert.deepEqual(await target.resolve(image.descriptor.digest), image.descriptor);
    for (const { descriptor, bytes } of [layer, emptyConfig, image]) {
      assert(Buffer.from(bytes).equals(await fetchBytes(target, descriptor, { limit: 1_000_000 })));
      assert.equal(await target.exists(descriptor), true);
    }
  });

  it('takes content that is opened when it is needed, and not if it exists', async () => {
    const target = await open();
    const layer = blob(randomBytes(100_000));
    let opened = 0;
    const content = async () => {
      opened++;
      return (async function* () {
        for (let at = 0; at < layer.bytes.length; at += 30_000) yield layer.bytes.subarray(at, at + 30_000);
      })();
    };
    await target.push(layer.descriptor, content);
    await target.push(layer.descriptor, content);
    assert.equal(opened, 1);
    assert(Buffer.from(layer.bytes).equals(await fetchBytes(target, layer.descriptor, { limit: 100_000 })));
  });

  it('rejects with NotFound for what is not there', async () => {
    const target = await open();
    const { descriptor } = manifest([]);
    await assert.rejects(target.resolve('absent'), { kind: 'NotFound', message: /no tag absent\b/ });
    await assert.rejects(target.resolve(descriptor.digest), {
      kind: 'NotFound',
      message: new RegExp(`no manifest ${descriptor.digest}`),
    });
    await assert.rejects((async () => fetchBytes(target, descriptor, { limit: 1_000_000 }))(), { kind: 'NotFound' });
    await assert.rejects((async () => fetchBytes(target, blob('absent').descriptor, { limit: 1_000_000 }))(), {
      kind: 'NotFound',
    });
    assert.equal(await target.exists(descriptor), false);
    assert.equal(await target.exists(blob('absent').descriptor), false);
    assert.deepEqual(await target.referrers(descriptor), []);
    await assert.rejects(target.tag(descriptor, 'v1'), { kind: 'NotFound' });
  });

  it('moves a tag', async () => {
    const target = await open();
    const [one, two] = [manifest([], { annotations: { n: '1' } }), manifest([], { annotations: { n: '2' } })];
    await pushAll(target, [emptyConfig, one, two]);
    for (const { descriptor } of [one, two, one]) {
      await target.tag(descriptor, 'latest');
      assert.deepEqual(await target.resolve('latest'), descriptor);
    }
    assert.deepEqual(await target.resolve(two.descriptor.digest), two.descriptor);
  });

  it('lists referrers with their artifactType and annotations, of their subject only', async () => {
    const target = await open();
    const [subject, other] = [manifest([]), manifest([], { annotations: { other: 'yes' } })];
    await pushAll(target, [emptyConfig, subject, other]);
    assert.deepEqual(await target.referrers(subject.descriptor), []);
    const referrers = ['a', 'b'].map((name) =>
      manifest([], { subject: subject.descriptor, artifactType: `application/${name}`, annotations: { name } }),
    );
    await pushAll(target, referrers);
    await pushAll(target, referrers);
    const listed = await target.referrers(subject.descriptor);
    const expected = referrers.map(({ descriptor }, at) => {
      const name = at === 0 ? 'a' : 'b';
      return { ...descriptor, artifactType: `application/${name}`, annotations: { name } };
    });
    const byDigest = (one: { digest: string }, two: { digest: string }): number => (one.digest < two.digest ? -1 : 1);
    assert.deepEqual([...listed].sort(byDigest), expected.sort(byDigest));
    assert.deepEqual(await target.referrers(other.descriptor), []);
    const ofType = await target.referrers(subject.descriptor, { artifactType: 'application/a' });
    assert.deepEqual(
      ofType,
      expected.filter(({ artifactType }) => artifactType === 'application/a'),
    );
  });

  it('takes many pushes at once', async () => {
    const target = await open();
    await target.push(emptyConfig.descriptor, emptyConfig.bytes);
    const images = Array.from({ length: 20 }, (_, n) => manifest([], { annotations: { n: String(n) } }));
    await Promise.all(
      images.map(async ({ descriptor, bytes }, n) => {
        await target.push(descriptor, bytes);
        await target.tag(descriptor, `t${n}`);
      }),
    );
    const found = await Promise.all(images.map((_, n) => target.resolve(`t${n}`)));
    assert.deepEqual(
      found,
      images.map(({ descriptor }) => descriptor),
    );
  });

  it('refuses content that is not its descriptor, and stores nothing', async () => {
    const target = await open();
    const { descriptor, bytes } = blob('right content');
    await assert.rejects(
      target.push(
        descriptor,
        bytes.map((byte) => byte ^ 1),
      ),
      { kind: 'InvalidInput' },
    );
    await assert.rejects(target.push(descriptor, bytes.subarray(1)), { kind: 'InvalidInput' });
    const image = manifest([]);
    await assert.rejects(target.push(image.descriptor, new TextEncoder().encode('{}')), { kind: 'InvalidInput' });
    assert.equal(await target.exists(descriptor), false);
    assert.equal(await target.exists(image.descriptor), false);
  });

  it('ends a push whose opened content is not its descriptor, and stores nothing', async () => {
    const target = await open();
    const { descriptor, bytes } = blob('right content, streamed');
    const changed = async () =>
      (async function* () {
        yield bytes.subarray(0, 5);
        yield bytes.subarray(5).map((byte) => byte ^ 1);
      })();
    await assert.rejects(target.push(descriptor, changed), { name: 'FairleadError' });
    assert.equal(await target.exists(descriptor), false);
    await target.push(descriptor, bytes);
    assert.equal(await target.exists(descriptor), true);
  });

  it('lists tags, and deletes a manifest with its tags', async () => {
    const target = await open();
    const images = ['1', '2'].map((n) => manifest([], { annotations: { n } }));
    await pushAll(target, [emptyConfig, ...images]);
    const [one, two] = images;
    assert(one !== undefined && two !== undefined);
    for (const tag of ['a', 'b']) await target.tag(one.descriptor, tag);
    await target.tag(two.descriptor, 'c');
    assert.deepEqual(await listed(target.tags()), ['a', 'b', 'c']);
    await target.delete(one.descriptor);
    assert.deepEqual(await listed(target.tags()), ['c']);
    await assert.rejects(target.resolve('a'), { kind: 'NotFound' });
    await assert.rejects(target.resolve(one.descriptor.digest), { kind: 'NotFound' });
    await assert.rejects(target.delete(one.descriptor), { kind: 'NotFound' });
    assert.deepEqual(await target.resolve('c'), two.descriptor);
  });

  it('forgets a referrer that is deleted', async () => {
    const target = await open();
    const subject = manifest([]);
    const referrers = ['a', 'b'].map((name) => manifest([], { subject: subject.descriptor, annotations: { name } }));
    await pushAll(target, [emptyConfig, subject, ...referrers]);
    const [gone, stays] = referrers;
    assert(gone !== undefined && stays !== undefined);
    await target.delete(gone.descriptor);
    assert.deepEqual(
      (await target.referrers(subject.descriptor)).map(({ digest }) => digest),
      [stays.descriptor.digest],
    );
  });
}

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all.sort();
}
