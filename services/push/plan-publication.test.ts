import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import {
  allowing,
  common,
  counted,
  lax,
  put,
  reference,
  repository,
  stranger,
  strict,
  version,
} from '#test/support/publication';
import { planPublication } from './plan-publication.ts';
import type { PublishRequest } from './publication.ts';
import { isUnchanged } from './publish-many.ts';
import { loosens } from './refused-publication.ts';

describe('publish what a tag holds already', () => {
  it('writes nothing', async () => {
    const target = counted();
    const first = await put(target, strict, { annotations: { 'example.com/team': 'web' } });
    target.writes.length = 0;
    const second = await put(target, strict, { annotations: { 'example.com/team': 'web' } });
    assert.deepEqual(target.writes, []);
    assert.deepEqual(second.reference, first.reference);
    assert.equal(second.alreadySigned, true);
    assert.deepEqual(second.tags, [{ tag: 'stable', holds: first.reference.digest, change: 'unchanged' }]);
  });

  it('writes nothing if only annotations of the run differ', async () => {
    const target = counted();
    const run = (revision: string) => ({
      runAnnotations: { 'org.opencontainers.image.revision': revision },
      created: new Date(Number(revision)),
    });
    const first = await put(target, strict, run('1'));
    assert.equal(first.artifact.manifest.annotations?.['org.opencontainers.image.revision'], '1');
    target.writes.length = 0;
    for (const request of [run('2'), {}]) {
      const second = await put(target, strict, request);
      assert.deepEqual(target.writes, []);
      assert.equal(second.reference.digest, first.reference.digest);
      assert.equal(second.artifact.manifest.annotations?.['org.opencontainers.image.revision'], '1');
    }
  });

  const others: readonly (readonly [what: string, bytes: Uint8Array, request: Partial<PublishRequest>])[] = [
    ['other bytes', allowing('read', 'write'), {}],
    ['another annotation', strict, { annotations: { 'example.com/team': 'db' } }],
    ['no annotation where there was one', strict, { annotations: {} }],
    ['a title', strict, { annotations: { 'example.com/team': 'web' }, title: 'nginx.json' }],
    [
      'a revision that is named',
      strict,
      { annotations: { 'example.com/team': 'web', 'org.opencontainers.image.revision': '2' } },
    ],
  ];
  for (const [what, bytes, request] of others) {
    it(`publishes ${what}`, async () => {
      const target = counted();
      const first = await put(target, strict, { annotations: { 'example.com/team': 'web' } });
      const second = await put(target, bytes, request);
      assert.notEqual(second.reference.digest, first.reference.digest);
      assert.equal((await target.resolve('stable')).digest, second.reference.digest);
    });
  }

  it('does not take over what another client wrote under the tag', async () => {
    const edits: readonly ((manifest: Record<string, unknown>) => void)[] = [
      (manifest) => Object.assign(manifest, { Layers: [] }),
      (manifest) => Object.assign(manifest, { evil: 1 }),
      (manifest) =>
        Object.assign(manifest['annotations'] as object, {
          'org.opencontainers.image.created': '2099-01-01T00:00:00Z',
        }),
      (manifest) =>
        Object.assign(manifest['annotations'] as object, { 'org.opencontainers.image.source': 'https://evil.example' }),
    ];
    for (const edit of edits) {
      const target = counted();
      const first = await put(target, strict);
      const manifest = JSON.parse(new TextDecoder().decode(first.artifact.manifestBytes));
      edit(manifest);
      const bytes = new TextEncoder().encode(JSON.stringify(manifest));
      const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
      await target.push(descriptor, bytes);
      await target.tag(descriptor, 'stable');
      const second = await put(target, strict);
      assert.equal(second.reference.digest, first.reference.digest);
      assert.equal((await target.resolve('stable')).digest, first.reference.digest);
      assert.ok(!(await target.referrers(descriptor)).length, 'it is not signed');
    }
  });

  it('writes nothing without a tag', async () => {
    const target = counted();
    const untagged = { reference: repository };
    assert.equal(isUnchanged(await put(target, strict, untagged)), false);
    target.writes.length = 0;
    assert.equal(isUnchanged(await put(target, strict, untagged)), true);
    assert.deepEqual(target.writes, []);
  });

  it('adds a signature of another signer, and restores what the registry has lost', async () => {
    const target = counted();
    const first = await put(target, strict);
    const second = await put(target, strict, {}, stranger);
    assert.equal(second.reference.digest, first.reference.digest);
    assert.equal(second.alreadySigned, false);
    await target.delete(first.artifact.layer.descriptor);
    await put(target, strict);
    assert.equal(await target.exists(first.artifact.layer.descriptor), true);
  });
});

describe('publish under a tag that holds an image', () => {
  it('is refused', async () => {
    const target = counted();
    const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
    const manifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: config.descriptor,
      layers: [],
    } as const;
    const image = assembleArtifact(manifest, [config]);
    for (const tag of ['stable', '1.4']) await pushArtifact(target, image, undefined, tag);
    target.writes.length = 0;
    for (const request of [{}, version('1.4.2')]) {
      await assert.rejects(put(target, strict, request), {
        kind: 'Conflict',
        message: /:(stable|1\.4) is not a profile/,
      });
    }
    assert.deepEqual(target.writes, []);
  });
});

describe('publish with a subject', () => {
  it('is a referrer of the image', async () => {
    const target = counted();
    const image = await put(target, lax, { reference: repository });
    const profile = await put(target, strict, { subject: image.reference.digest });
    const referrers = await target.referrers(image.artifact.descriptor);
    assert.ok(referrers.some(({ digest }) => digest === profile.reference.digest));
  });

  it('refuses a version, whose tags would be those of the image', async () => {
    const target = counted();
    const image = await put(target, lax, { reference: repository });
    const request = { ...version('1.0.0'), subject: image.reference.digest };
    await assert.rejects(put(target, strict, request), { kind: 'InvalidInput' });
  });

  it('refuses an image that is not there', async () => {
    const elsewhere = await put(memoryRepository(), lax);
    await assert.rejects(put(counted(), strict, { subject: elsewhere.reference.digest }), {
      kind: 'NotFound',
      message: /^no image registry\.example\.com\/security\/nginx@sha256:/,
    });
  });
});

describe('planPublication', () => {
  it('sends nothing', async () => {
    const target = counted();
    await put(target, strict);
    target.writes.length = 0;
    const plan = await planPublication(lax, { reference }, { ...common, target });
    assert.deepEqual(target.writes, []);
    assert.equal(plan.tags[0]?.change, 'moved');
    assert.equal(loosens(plan), true);
  });
});
