import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { memoryRepository } from '#lib/registry/memory';
import { isReservedTag } from '#lib/registry/reserved-tag';
import type { Target } from '#lib/registry/target';
import { attachAttestation, attachSignature } from './attach-signature.ts';
import { copySigned } from './copy-signed.ts';
import { fetchSignatures } from './fetch-signatures.ts';
import { generateKeyPair, loadPrivateKey } from './key.ts';
import { legacyTag } from './legacy-manifest.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const artifact = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
  [config],
);
const { descriptor } = artifact;
const attestation = { predicateType: 'https://acme.example/review/v1', predicate: {} };
const attestations = [attestation.predicateType];

/** An artifact with a signature and an attestation in either form. */
async function signed(): Promise<Target> {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  const signer = await loadPrivateKey((await generateKeyPair()).privateKey);
  const reference = { registry: 'registry.example.com', repository: 'a' };
  for (const format of ['bundle', 'legacy'] as const) {
    await attachSignature(target, { descriptor, reference, signer, format });
    await attachAttestation(target, { descriptor, reference, signer, format, attestation });
  }
  return target;
}

describe('copySigned', () => {
  it('brings every signature along, and sets the tags when all of them are there', async () => {
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

  it('sets no tag where a signature cannot be copied', async () => {
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

  it('writes no tag that is reserved, and sends nothing then', async () => {
    const target = memoryRepository();
    const tags = ['v1', `sha256-${'0'.repeat(64)}`];
    await assert.rejects(copySigned(await signed(), target, descriptor, { tags }), { kind: 'InvalidInput' });
    assert.equal(await target.exists(descriptor), false);
  });
});
