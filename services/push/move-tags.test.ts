import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Repository } from '#lib/registry/target';
import { common, counted, lax, put, reference, repository, strict, version } from '#test/support/publication';
import { publish } from './publish.ts';

describe('publish a version', () => {
  it('moves the tags that stand for it, and none backwards', async () => {
    const target = counted();
    await put(target, strict, version('1.5.0', true));
    const { tags, reference: patch } = await put(target, lax, version('1.4.9', true));
    assert.deepEqual(
      tags.map(({ tag, change, newer }) => [tag, change, newer]),
      [
        ['1.4.9', 'created', undefined],
        ['1.4', 'created', undefined],
        ['1', 'kept', '1.5.0'],
        ['latest', 'kept', '1.5.0'],
      ],
    );
    assert.notEqual((await target.resolve('1')).digest, patch.digest);
    await put(target, lax, { ...version('1.4.9', true), allowOlder: true });
    for (const tag of ['1.4.9', '1.4', '1', 'latest']) assert.equal((await target.resolve(tag)).digest, patch.digest);
  });

  it('writes all tags of a version that is not signed', async () => {
    const target = counted();
    const unsigned = { ...common, signer: undefined, target };
    const { tags, reference: pinned } = await publish(strict, { reference, ...version('1.4.2') }, unsigned);
    assert.deepEqual(
      tags.map(({ tag }) => tag),
      ['1.4.2', '1.4', '1'],
    );
    for (const { tag } of tags) assert.equal((await target.resolve(tag)).digest, pinned.digest);
  });

  it('leaves a single shorter tag at a newer version that is published meanwhile', async () => {
    const target = counted();
    await put(target, lax, version('1.4.2'));
    await target.untag('1');
    const newer = await put(target, strict, { reference: repository });
    const racing: Repository = {
      ...target,
      tag: async (descriptor, tag, options) => {
        await target.tag(newer.artifact.descriptor, '1.5.0');
        return target.tag(descriptor, tag, options);
      },
    };
    await put(racing, lax, version('1.4.2'));
    assert.equal((await target.resolve('1')).digest, newer.reference.digest);
  });

  it('leaves the shorter tags at a newer version that is published meanwhile', async () => {
    const target = counted();
    const newer = await put(target, strict, { reference: repository });
    const racing: Repository = {
      ...target,
      tag: async (descriptor, tag, options) => {
        if (tag === '1.4') {
          await target.tag(newer.artifact.descriptor, '1.4.3');
          await target.tag(newer.artifact.descriptor, '1.4');
        }
        return target.tag(descriptor, tag, options);
      },
    };
    const { tags } = await put(racing, lax, version('1.4.2'));
    assert.equal((await target.resolve('1.4')).digest, newer.reference.digest);
    assert.deepEqual(tags[1], { tag: '1.4', change: 'kept', newer: '1.4.3' });
  });

  it('writes + as _, and refuses a tag beside a version', async () => {
    const target = counted();
    const { tags } = await put(target, strict, version('1.4.2+build.1'));
    assert.deepEqual(
      tags.map(({ tag }) => tag),
      ['1.4.2_build.1', '1.4', '1'],
    );
    await assert.rejects(put(target, strict, { ...version('1.4.3'), reference }), { kind: 'InvalidInput' });
  });
});
