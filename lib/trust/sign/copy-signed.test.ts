import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import { memoryRepository } from '#lib/registry/memory';
import { isReservedTag } from '#lib/registry/reserved-tag';
import type { Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { fetchSignatures } from '../verify/fetch-signatures.ts';
import { attachAttestation, attachSignature } from './attach-signature.ts';
import { copySigned } from './copy-signed.ts';
import { keySigner } from './key-signer.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const artifact = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
  [config],
);
const { descriptor } = artifact;
const attestation = { predicateType: 'https://acme.example/review/v1', predicate: {} };
const attestations = [attestation.predicateType];

/** An artifact with a signature and an attestation in both formats. */
async function signed(): Promise<Target> {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  const reference = { registry: 'registry.example.com', repository: 'a' };
  for (const format of ['bundle', 'legacy'] as const) {
    await attachSignature(target, { descriptor, reference, signer, format });
    await attachAttestation(target, { descriptor, reference, signer, format, attestation });
  }
  return target;
}

describe('copySigned', () => {
  it('copies every signature, and sets the tags after all of them', async () => {
    const source = await signed();
    const expected = await fetchSignatures(source, descriptor, { attestations });
    assert.equal(expected.length, 4);
    const target = memoryRepository();
    const found: [string, number][] = [];
    const watched: Target = {
      ...target,
      async tag(tagged, tag) {
        if (!isReservedTag(tag))
          found.push([tag, (await fetchSignatures(target, descriptor, { attestations })).length]);
        await target.tag(tagged, tag);
      },
    };
    await copySigned(source, watched, descriptor, { tags: ['v1', 'latest'] });
    assert.deepEqual(found, [
      ['v1', 4],
      ['latest', 4],
    ]);
    assert.equal((await target.resolve('latest')).digest, descriptor.digest);
  });

  it('sets no tag if a signature cannot be copied', async () => {
    const source = await signed();
    for (const kind of ['sig', 'att'] as const) {
      const broken: Target = {
        ...source,
        async resolve(tag) {
          if (tag === legacyTag(descriptor, kind)) throw new FairleadError('Unavailable', 'the registry is down');
          return source.resolve(tag);
        },
      };
      const target = memoryRepository();
      await assert.rejects(copySigned(broken, target, descriptor, { tags: ['v1'] }), { kind: 'Unavailable' });
      await assert.rejects(target.resolve('v1'), { kind: 'NotFound' });
    }
  });

  it('keeps the signatures and attestations of the target in the legacy format', async () => {
    const [source, target] = [await signed(), await signed()];
    const layersAt = async (from: Target, kind: 'sig' | 'att'): Promise<string[]> => {
      const manifest = await from.resolve(legacyTag(descriptor, kind) ?? '');
      const { layers } = parseManifest(await fetchBytes(from, manifest, { limit: 1_000_000 }));
      for (const layer of layers) await fetchBytes(from, layer, { limit: 1_000_000 });
      return layers.map(({ annotations }) => JSON.stringify(annotations));
    };
    const kinds = ['sig', 'att'] as const;
    const layersOf = (from: Target) => Promise.all(kinds.map((kind) => layersAt(from, kind)));
    const [ours, theirs] = [await layersOf(source), await layersOf(target)];
    await copySigned(source, target, descriptor, { tags: [] });
    for (const [at, found] of (await layersOf(target)).entries()) {
      assert.deepEqual(new Set(found), new Set([...(ours[at] ?? []), ...(theirs[at] ?? [])]));
      assert.equal(found.length, 2);
    }
    await copySigned(source, target, descriptor, { tags: [] });
    for (const found of await layersOf(target)) assert.equal(found.length, 2, 'nothing twice');
    // And back: the source receives what it lacks, as the same manifest.
    await copySigned(target, source, descriptor, { tags: [] });
    for (const kind of kinds) {
      const tag = legacyTag(descriptor, kind) ?? '';
      assert.equal((await source.resolve(tag)).digest, (await target.resolve(tag)).digest);
    }
  });

  it('loses no signature of copies and signers that write the legacy tag at the same time', async () => {
    const target = memoryRepository();
    await pushArtifact(target, artifact, undefined, undefined);
    // All of them read the tag before one writes it.
    const slow: Target = {
      ...target,
      tag: async (...args) => delay(5).then(() => target.tag(...args)),
    };
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const reference = { registry: 'registry.example.com', repository: 'a' };
    const sources = await Promise.all([signed(), signed(), signed()]);
    await Promise.all([
      ...sources.map((source) => copySigned(source, slow, descriptor, { tags: [] })),
      attachSignature(slow, { descriptor, reference, signer, format: 'legacy' }),
    ]);
    const found = await fetchSignatures(target, descriptor, { attestations });
    assert.equal(found.filter(({ format }) => format !== 'bundle').length, 2 * sources.length + 1);
  });

  it('does not replace signatures by other content, but replaces other content by signatures', async () => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }));
    const junk = { mediaType: mediaTypes.index, digest: digestOf(bytes), size: bytes.length };
    const tag = legacyTag(descriptor, 'sig') ?? '';
    const [good, hostile] = [await signed(), await signed()];
    const before = await good.resolve(tag);
    await hostile.push(junk, bytes);
    await hostile.tag(junk, tag);
    const skipped: Descriptor[] = [];
    await copySigned(hostile, good, descriptor, { tags: ['v1'], onSkipped: (each) => void skipped.push(each) });
    assert.deepEqual(await good.resolve(tag), before);
    assert.deepEqual(skipped, [descriptor]);
    await assert.rejects(copySigned(hostile, good, descriptor, { tags: ['v1'] }), {
      kind: 'InvalidInput',
      message: /want a manifest of signatures/,
    });
    await copySigned(good, hostile, descriptor, { tags: ['v1'] });
    assert.equal((await hostile.resolve(tag)).digest, before.digest);
  });

  it('refuses reserved tags, and then sends nothing', async () => {
    const target = memoryRepository();
    const tags = ['v1', `sha256-${'0'.repeat(64)}`];
    await assert.rejects(copySigned(await signed(), target, descriptor, { tags }), { kind: 'InvalidInput' });
    assert.equal(await target.exists(descriptor), false);
  });
});
