import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';
import { cachedRepository } from './cache.ts';
import { fetchBytes } from './fetch-bytes.ts';
import { memoryRepository } from './memory.ts';
import type { ReadTarget } from './target.ts';

const layer = blob('layer');
const image = manifest([layer]);

async function watched(): Promise<{ source: ReadTarget; asked: string[] }> {
  const memory = memoryRepository();
  await pushAll(memory, [layer, emptyConfig, image]);
  await memory.tag(image.descriptor, 'v1');
  const asked: string[] = [];
  const source: ReadTarget = {
    resolve(name) {
      asked.push(`resolve ${name}`);
      return memory.resolve(name);
    },
    fetch(descriptor) {
      asked.push(`fetch ${descriptor.digest}`);
      return memory.fetch(descriptor);
    },
    referrers: (subject) => memory.referrers(subject),
  };
  return { source, asked };
}

describe('cachedRepository', () => {
  it('asks for what a digest names once, and for tags each time', async () => {
    const { source, asked } = await watched();
    const target = cachedRepository(source, memoryRepository());
    for (let round = 0; round < 2; round++) {
      const descriptor = await target.resolve('v1');
      assert(Buffer.from(image.bytes).equals(await fetchBytes(target, descriptor, { limit: 1000 })));
      assert.equal(Buffer.from(await fetchBytes(target, layer.descriptor, { limit: 1000 })).toString(), 'layer');
      await target.resolve(image.descriptor.digest);
    }
    assert.deepEqual(asked, [
      'resolve v1',
      `fetch ${image.descriptor.digest}`,
      `fetch ${layer.descriptor.digest}`,
      'resolve v1',
    ]);
  });

  it('keeps nothing that does not match its digest', async () => {
    const { source } = await watched();
    const cache = memoryRepository();
    const lying: ReadTarget = {
      ...source,
      fetch: async () =>
        (async function* () {
          yield layer.bytes.map((byte) => byte ^ 1);
        })(),
    };
    await assert.rejects(fetchBytes(cachedRepository(lying, cache), layer.descriptor, { limit: 1000 }), {
      kind: 'Conflict',
    });
    assert.equal(await cache.exists(layer.descriptor), false);
  });
});
