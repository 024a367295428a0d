import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Artifact } from '#lib/artifact/artifact';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { isReservedTag } from '#lib/registry/reserved-tag';
import type { Repository } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { fetchSignatures } from '../verify/fetch-signatures.ts';
import { attachSignature } from './attach-signature.ts';
import { copyRepository, type TagCopy } from './copy-repository.ts';
import { keySigner } from './key-signer.ts';

const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const reference = { registry: 'registry.example.com', repository: 'a' };
const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);

function artifact(text: string): Artifact {
  const layer = blob('text/plain', new TextEncoder().encode(text));
  return assembleArtifact(
    { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [layer.descriptor] },
    [config, layer],
  );
}

const one = artifact('one');
const two = artifact('two');

/** A repository with two signed artifacts, one of which has two tags. */
async function filled(): Promise<Repository> {
  const source = memoryRepository('source');
  for (const [{ descriptor }, format] of [
    [one, 'bundle'],
    [two, 'legacy'],
  ] as const) {
    await pushArtifact(source, descriptor === one.descriptor ? one : two, undefined, undefined);
    await attachSignature(source, { descriptor, reference, signer, format });
  }
  for (const tag of ['1.0', 'latest']) await source.tag(one.descriptor, tag);
  await source.tag(two.descriptor, '2.0');
  return source;
}

/** Counts what is written to a repository, in order. */
function watched(target: Repository): Repository & { readonly written: string[] } {
  const written: string[] = [];
  return {
    ...target,
    written,
    async push(descriptor, content, options) {
      if (!(await target.exists(descriptor, options))) written.push(descriptor.digest);
      await target.push(descriptor, content, options);
    },
    async tag(descriptor, tag, options) {
      written.push(tag);
      await target.tag(descriptor, tag, options);
    },
  };
}

const statuses = (tags: readonly TagCopy[]) => Object.fromEntries(tags.map(({ tag, status }) => [tag, status]));

async function tagsOf(repository: Repository): Promise<string[]> {
  const found: string[] = [];
  for await (const tag of repository.tags()) found.push(tag);
  return found;
}

describe('copyRepository', () => {
  it('copies every tag with its signatures, and each tag after what it stands for', async () => {
    const source = await filled();
    const target = watched(memoryRepository('target'));
    const seen: TagCopy[] = [];
    const copied = await copyRepository(source, target, { onTag: (tag) => seen.push(tag) });
    assert.deepEqual(statuses(copied), { '1.0': 'copied', '2.0': 'copied', latest: 'copied' });
    assert.deepEqual(new Set(seen), new Set(copied));
    assert.deepEqual((await tagsOf(target)).sort(), (await tagsOf(source)).sort());
    for (const { descriptor } of [one, two]) {
      assert.equal((await fetchSignatures(target, descriptor, {})).length, 1);
    }
    const { written } = target;
    const legacy = legacyTag(two.descriptor, 'sig') as string;
    assert(written.indexOf('2.0') > written.indexOf(legacy), 'the signature is there before the tag');
    const referrer = (await target.referrers(one.descriptor))[0]?.digest as string;
    assert(written.indexOf('1.0') > written.indexOf(referrer), 'the referrer is there before the tag');
  });

  it('writes nothing the second time, and only what has changed the third time', async () => {
    const source = await filled();
    const kept = memoryRepository('target');
    await copyRepository(source, kept);
    const second = watched(kept);
    assert.deepEqual(statuses(await copyRepository(source, second)), {
      '1.0': 'present',
      '2.0': 'present',
      latest: 'present',
    });
    assert.deepEqual(second.written, []);
    await source.tag(two.descriptor, 'latest');
    await attachSignature(source, { descriptor: one.descriptor, reference, signer, format: 'legacy' });
    const third = watched(kept);
    assert.deepEqual(statuses(await copyRepository(source, third)), {
      '1.0': 'present',
      '2.0': 'present',
      latest: 'copied',
    });
    assert.equal((await fetchSignatures(kept, one.descriptor, {})).length, 2);
    assert.equal(third.written.filter((each) => !isReservedTag(each) && !each.startsWith('sha256:')).join(), 'latest');
  });

  it('copies the other tags if one fails, and does not set that one', async () => {
    const source = await filled();
    const [, layer] = one.blobs;
    const broken: Repository = {
      ...source,
      async fetch(descriptor, options) {
        if (descriptor.digest === layer?.descriptor.digest) throw new FairleadError('NotFound', 'the blob is lost');
        return source.fetch(descriptor, options);
      },
    };
    const target = memoryRepository('target');
    const copied = await copyRepository(broken, target);
    assert.deepEqual(statuses(copied), { '1.0': 'failed', '2.0': 'copied', latest: 'failed' });
    const failed = copied.find((each) => each.status === 'failed');
    assert.equal(failed?.error.message, 'the blob is lost');
    assert.equal(failed?.digest, one.descriptor.digest);
    assert.deepEqual(
      (await tagsOf(target)).filter((tag) => !isReservedTag(tag)),
      ['2.0'],
    );
  });

  it('does not set a tag whose signature could not be copied', async () => {
    const source = await filled();
    const target = memoryRepository('target');
    const refusing: Repository = {
      ...target,
      async tag(descriptor, tag, options) {
        if (isReservedTag(tag)) throw new FairleadError('NotAllowed', 'no such tags here');
        await target.tag(descriptor, tag, options);
      },
    };
    assert.deepEqual(statuses(await copyRepository(source, refusing)), {
      '1.0': 'copied',
      '2.0': 'failed',
      latest: 'copied',
    });
    assert.deepEqual(await tagsOf(target), ['1.0', 'latest']);
  });

  it('gives up soon if a registry is gone, and reports all tags', async () => {
    const source = memoryRepository('source');
    for (let n = 0; n < 100; n++) await pushArtifact(source, artifact(`n${n}`), undefined, `t${n}`);
    let asked = 0;
    const target: Repository = {
      ...memoryRepository('target'),
      async push() {
        asked++;
        throw new FairleadError('Unavailable', 'the registry is gone');
      },
    };
    const copied = await copyRepository(source, target);
    assert.equal(copied.length, 100);
    assert(copied.every(({ status }) => status === 'failed'));
    assert(asked < 40, `asked ${asked} times`);
  });

  it('copies signatures of the manifests of an index', async () => {
    const source = memoryRepository('source');
    await pushArtifact(source, one, undefined, undefined);
    await attachSignature(source, { descriptor: one.descriptor, reference, signer, format: 'legacy' });
    const index = blob(
      mediaTypes.index,
      new TextEncoder().encode(
        JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [one.descriptor] }),
      ),
    );
    await source.push(index.descriptor, index.bytes);
    await source.tag(index.descriptor, '1.0');
    const target = memoryRepository('target');
    await copyRepository(source, target);
    assert.equal((await fetchSignatures(target, one.descriptor, {})).length, 1);
  });

  it('asks for no tags that the source does not have', async () => {
    const source = await filled();
    const resolved: string[] = [];
    const counting: Repository = {
      ...source,
      async resolve(tagOrDigest, options): Promise<Descriptor> {
        resolved.push(tagOrDigest);
        return source.resolve(tagOrDigest, options);
      },
    };
    await copyRepository(counting, memoryRepository('target'));
    assert.deepEqual(resolved.sort(), ['1.0', '2.0', 'latest', legacyTag(two.descriptor, 'sig')].sort());
  });

  it('ends with the reason of the signal', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await assert.rejects(copyRepository(await filled(), memoryRepository('target'), { signal }), /stopped/);
  });
});
