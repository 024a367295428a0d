import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';
import { copy } from './copy.ts';
import { deleteArtifact } from './delete-artifact.ts';
import { type Descriptor, mediaTypes } from './descriptor.ts';
import { layoutRepository } from './layout/repository.ts';
import { memoryRepository } from './memory.ts';
import { planDeletion } from './plan-deletion.ts';
import { removeTag } from './remove-tag.ts';
import type { Repository } from './target.ts';

const layer = blob('layer');
const shared = blob('shared');
const image = manifest([layer, shared]);
const other = manifest([shared], { annotations: { other: 'yes' } });
const signature = manifest([blob('signature')], { subject: image.descriptor, artifactType: 'a/signature' });
const countersignature = manifest([], { subject: signature.descriptor, artifactType: 'a/signature' });
const hex = image.descriptor.digest.slice('sha256:'.length);
const legacyLayer = blob('legacy', 'application/vnd.dev.cosign.simplesigning.v1+json');
const legacy = manifest([legacyLayer], { annotations: { legacy: 'yes' } });
const index = blob(
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [image.descriptor] }),
  mediaTypes.index,
);

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-delete-'));
});
after(() => rm(directory, { recursive: true }));

/** A repository with a signed artifact, and another one that shares a layer with it. */
async function filled(repository: Repository): Promise<Repository> {
  const signatureBlob = blob('signature');
  await pushAll(repository, [layer, shared, signatureBlob, legacyLayer, emptyConfig, image, other]);
  await pushAll(repository, [signature, countersignature, legacy]);
  await repository.tag(legacy.descriptor, `sha256-${hex}.sig`);
  await repository.tag(image.descriptor, 'v1');
  await repository.tag(other.descriptor, 'v2');
  return repository;
}

async function tagsOf(repository: Repository): Promise<string[]> {
  const tags: string[] = [];
  for await (const tag of repository.tags()) tags.push(tag);
  return tags;
}

describe('deleteArtifact', () => {
  const { digest } = image.descriptor;

  it('deletes an artifact with its referrers of every level and cosign 2 signatures, and nothing else', async () => {
    const repository = await filled(memoryRepository());
    const plan = await planDeletion(repository, digest);
    assert.deepEqual(
      new Set(plan.referrers.map((each) => each.digest)),
      new Set([signature.descriptor.digest, countersignature.descriptor.digest]),
    );
    assert.deepEqual(
      plan.tags.map(({ tag }) => tag),
      ['v1'],
    );
    const { deleted, kept } = await deleteArtifact(repository, plan);
    assert.equal(deleted.length, 4);
    assert.deepEqual(kept, []);
    assert.deepEqual(await tagsOf(repository), ['v2']);
    for (const { descriptor } of [image, signature, countersignature, legacy]) {
      assert(!(await repository.exists(descriptor)));
    }
    assert(await repository.exists(other.descriptor));
    await assert.rejects(planDeletion(repository, digest), { kind: 'NotFound' });
  });

  it('finds tags and indexes that would lose the artifact', async () => {
    const repository = await filled(memoryRepository());
    await repository.tag(image.descriptor, 'latest');
    await repository.tag(signature.descriptor, 'the-signature');
    await repository.push(index.descriptor, index.bytes);
    const nested = blob(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [index.descriptor] }),
      mediaTypes.index,
    );
    await repository.push(nested.descriptor, nested.bytes);
    await repository.tag(nested.descriptor, 'all');
    const plan = await planDeletion(repository, digest);
    assert.deepEqual(
      plan.tags.map(({ tag }) => tag),
      ['latest', 'the-signature', 'v1'],
    );
    assert.deepEqual(
      plan.indexes.map(({ tag }) => tag),
      ['all'],
    );
  });

  it('does not believe a list of referrers that names other artifacts', async () => {
    const repository = await filled(memoryRepository());
    const lying: Repository = {
      ...repository,
      referrers: async (subject, options) => [
        ...(await repository.referrers(subject, options)),
        { ...other.descriptor, artifactType: 'a/signature' },
      ],
    };
    await deleteArtifact(lying, await planDeletion(lying, digest));
    assert(await repository.exists(other.descriptor));
    assert.deepEqual(await tagsOf(repository), ['v2']);
  });

  it('keeps something else under a derived tag', async () => {
    const repository = await filled(memoryRepository());
    const victim = manifest([layer], { annotations: { victim: 'yes' } });
    await pushAll(repository, [victim]);
    await repository.tag(victim.descriptor, `sha256-${hex}.att`);
    await repository.tag(other.descriptor, `sha256-${hex}.sbom`);
    await repository.push(index.descriptor, index.bytes);
    const { kept } = await deleteArtifact(repository, await planDeletion(repository, digest));
    assert.deepEqual(kept, [
      { tag: `sha256-${hex}.att`, reason: 'holds something else' },
      { tag: `sha256-${hex}.sbom`, reason: 'also tagged v2' },
    ]);
    assert(await repository.exists(victim.descriptor));
    assert(await repository.exists(other.descriptor));
  });

  it('is completed by another deletion if it was interrupted at any step', async () => {
    for (let steps = 0; steps < 5; steps++) {
      const repository = await filled(memoryRepository());
      let left = steps;
      const failing: Repository = {
        ...repository,
        async delete(descriptor, options) {
          if (left-- === 0) throw new FairleadError('Unavailable', 'the registry is gone');
          await repository.delete(descriptor, options);
        },
      };
      await deleteArtifact(failing, await planDeletion(failing, digest)).catch(() => undefined);
      if (steps > 0) assert(!(await tagsOf(repository)).includes('v1'), 'the artifact goes first');
      if (steps < 4) await deleteArtifact(repository, await planDeletion(repository, digest));
      assert.deepEqual(await tagsOf(repository), ['v2']);
    }
  });

  it('removes tags that a registry keeps when it deletes their manifest', async () => {
    const repository = await filled(memoryRepository());
    const tags = new Map<string, Descriptor>();
    for (const tag of await tagsOf(repository)) tags.set(tag, await repository.resolve(tag));
    const keeping: Repository = {
      ...repository,
      resolve: async (tagOrDigest) => tags.get(tagOrDigest) ?? repository.resolve(tagOrDigest),
      async *tags() {
        yield* tags.keys();
      },
      async untag(tag) {
        if (tag.endsWith('.sig')) throw new FairleadError('InvalidInput', 'not this one');
        tags.delete(tag);
      },
    };
    const { kept } = await deleteArtifact(keeping, await planDeletion(keeping, digest));
    assert.deepEqual([...tags.keys()].sort(), [`sha256-${hex}.sig`, 'v2'].sort());
    assert.deepEqual(kept, [{ tag: `sha256-${hex}.sig`, reason: 'the registry cannot remove it' }]);
  });

  it('removes the blobs of a layout that nothing else refers to', async () => {
    const repository = layoutRepository(directory, 'collected');
    await filled(repository);
    await deleteArtifact(repository, await planDeletion(repository, digest));
    const left = await readdir(join(directory, 'collected/blobs/sha256'));
    assert.deepEqual(
      left.map((each) => `sha256:${each}`).sort(),
      [shared, emptyConfig, other].map(({ descriptor }) => descriptor.digest).sort(),
    );
    const target = memoryRepository();
    await copy(repository, target, 'v2', { withReferrers: true });
  });

  it('fails a push that relied on a blob that was removed, instead of listing a broken manifest', async () => {
    const repository = layoutRepository(directory, 'raced');
    await filled(repository);
    const late = manifest([layer], { annotations: { late: 'yes' } });
    await layoutRepository(directory, 'raced').push(layer.descriptor, layer.bytes);
    await deleteArtifact(repository, await planDeletion(repository, digest));
    await assert.rejects(layoutRepository(directory, 'raced').push(late.descriptor, late.bytes), {
      kind: 'Conflict',
      message: /was removed while its manifest was pushed/,
    });
    await assert.rejects(repository.resolve(late.descriptor.digest), { kind: 'NotFound' });
    await pushAll(repository, [layer, late]);
  });
});

describe('removeTag', () => {
  it('removes one tag', async () => {
    const repository = await filled(memoryRepository());
    await repository.tag(image.descriptor, 'latest');
    assert.deepEqual(await removeTag(repository, 'v1'), { descriptor: image.descriptor, restored: [] });
    assert.deepEqual((await tagsOf(repository)).sort(), [`sha256-${hex}.sig`, 'latest', 'v2'].sort());
    await assert.rejects(removeTag(repository, 'v1'), { kind: 'NotFound' });
    await assert.rejects(removeTag(repository, `sha256-${hex}.sig`), { kind: 'InvalidInput' });
  });

  it('restores the artifact and its other tags at a registry that deletes the manifest', async () => {
    const repository = await filled(memoryRepository());
    for (const tag of ['latest', 'v1.0']) await repository.tag(image.descriptor, tag);
    const eager: Repository = { ...repository, untag: async (tag) => repository.delete(await repository.resolve(tag)) };
    const { restored } = await removeTag(eager, 'v1');
    assert.deepEqual([...restored].sort(), ['latest', 'v1.0']);
    assert.deepEqual(await repository.resolve('latest'), image.descriptor);
    await assert.rejects(repository.resolve('v1'), { kind: 'NotFound' });
    const { restored: alone } = await removeTag(eager, 'v2');
    assert.deepEqual(alone, []);
    assert(await repository.exists(other.descriptor));
  });
});
