import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { parseManifest } from '#lib/registry/manifest';
import { memoryRepository } from '#lib/registry/memory';
import type { Target } from '#lib/registry/target';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { legacyManifest, legacyManifestBytes, legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { fetchSignatures } from '../verify/fetch-signatures.ts';
import { verifySignatures } from '../verify/verify-signatures.ts';
import { attachSignature } from './attach-signature.ts';
import { type KeySigner, keySigner } from './key-signer.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const { descriptor, ...artifact } = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
  [config],
);
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };

let signers: KeySigner[];
before(async () => {
  const files = [await generateKeyPair(), await generateKeyPair()];
  signers = await Promise.all(files.map(async ({ privateKey }) => keySigner(await loadPrivateKey(privateKey))));
});

async function repository(): Promise<Target> {
  const target = memoryRepository();
  await pushArtifact(target, { descriptor, ...artifact }, undefined, undefined);
  return target;
}

describe('attachSignature', () => {
  for (const format of ['bundle', 'legacy'] as const) {
    it(`keeps the signatures of others, in format ${format}`, async () => {
      const target = await repository();
      for (const signer of signers) await attachSignature(target, { descriptor, reference, signer, format });
      const found = await fetchSignatures(target, descriptor);
      assert.deepEqual(
        found.map((each) => each.format),
        [format, format],
      );
      const require = signers.map(({ key: { publicKey } }, index) => ({ anyOf: [{ key: `${index}.pub`, publicKey }] }));
      const rule = { match: '**', unsigned: false, require };
      assert.equal(verifySignatures(descriptor, reference, found, rule).signatures.length, 2);
    });
  }

  it('returns the descriptor of the manifest with the signature', async () => {
    const target = await repository();
    const [signer] = signers;
    assert.ok(signer);
    const bundle = await attachSignature(target, { descriptor, reference, signer, format: 'bundle' });
    const legacy = await attachSignature(target, { descriptor, reference, signer, format: 'legacy' });
    const found = await fetchSignatures(target, descriptor);
    assert.deepEqual(
      found.map(({ manifest }) => manifest),
      [bundle.digest, legacy.digest],
    );
    assert.equal((await target.resolve(legacyTag(descriptor, 'sig') ?? '')).digest, legacy.digest);
  });

  it('loses no signature of signers at the same time, in format legacy', async () => {
    const memory = await repository();
    // All of them read the tag before one writes it.
    const slow = {
      ...memory,
      tag: async (...args: Parameters<typeof memory.tag>) => delay(5).then(() => memory.tag(...args)),
    };
    const many = await Promise.all(
      Array.from({ length: 5 }, async () => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey))),
    );
    await Promise.all(many.map((signer) => attachSignature(slow, { descriptor, reference, signer, format: 'legacy' })));
    const require = many.map(({ key: { publicKey } }, index) => ({ anyOf: [{ key: `${index}.pub`, publicKey }] }));
    const found = await fetchSignatures(memory, descriptor);
    verifySignatures(descriptor, reference, found, { match: '**', unsigned: false, require });
  });

  it('loses no signature that was written while another signer was signing, in format legacy', async () => {
    const target = await repository();
    const [slow, quick] = signers;
    assert.ok(slow && quick);
    const signing = Promise.withResolvers<void>();
    const started = Promise.withResolvers<void>();
    const waiting = keySigner({
      ...slow.key,
      signBytes: async (bytes) => {
        started.resolve();
        await signing.promise;
        return slow.key.signBytes(bytes);
      },
    });
    const attaching = attachSignature(target, { descriptor, reference, signer: waiting, format: 'legacy' });
    await started.promise;
    await attachSignature(target, { descriptor, reference, signer: quick, format: 'legacy' });
    signing.resolve();
    await attaching;
    const require = [slow, quick].map(({ key: { publicKey } }, index) => ({
      anyOf: [{ key: `${index}.pub`, publicKey }],
    }));
    const found = await fetchSignatures(target, descriptor);
    verifySignatures(descriptor, reference, found, { match: '**', unsigned: false, require });
  });

  it('reports that others keep overwriting the tag', async () => {
    const target = await repository();
    const [signer] = signers;
    assert.ok(signer);
    const lost = { ...target, tag: async () => undefined };
    await assert.rejects(attachSignature(lost, { descriptor, reference, signer, format: 'legacy' }), {
      kind: 'Conflict',
    });
  });

  it('writes no list that is too long for readers, which would hide the signatures of others', async () => {
    const target = await repository();
    const [signer, first] = signers;
    assert.ok(signer && first);
    await attachSignature(target, { descriptor, reference, signer: first, format: 'legacy' });
    const tag = legacyTag(descriptor, 'sig') ?? '';
    const [good] = parseManifest(await fetchBytes(target, await target.resolve(tag), { limit: 10_000 })).layers;
    assert.ok(good);
    const filler = (length: number) => ({ ...config.descriptor, annotations: { filler: 'x'.repeat(length) } });
    const room = legacyManifestBytes - legacyManifest([filler(0), good], [config]).manifestBytes.length;
    for (const length of [room - 50, room + 1]) {
      const crowded = legacyManifest([filler(length), good], [config]);
      await pushArtifact(target, crowded, undefined, tag);
      const signing = attachSignature(target, { descriptor, reference, signer, format: 'legacy' });
      await assert.rejects(
        signing,
        (error: FairleadError) => error.kind === 'LimitExceeded' && /would have 1\d{6} bytes/.test(error.message),
      );
      assert.equal((await target.resolve(tag)).digest, crowded.descriptor.digest);
      assert.equal((await fetchSignatures(target, descriptor)).length, length < room ? 1 : 0);
    }
  });

  it('does not overwrite other content, and refuses sha512 in the legacy format', async () => {
    const target = await repository();
    const [signer] = signers;
    assert.ok(signer);
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] }));
    const other = { mediaType: mediaTypes.index, digest: digestOf(index), size: index.length };
    await target.push(other, index);
    await target.tag(other, legacyTag(descriptor, 'sig') ?? '');
    const invalid = (error: unknown) => error instanceof FairleadError && error.kind === 'InvalidInput';
    await assert.rejects(attachSignature(target, { descriptor, reference, signer, format: 'legacy' }), invalid);
    assert.equal((await target.resolve(legacyTag(descriptor, 'sig') ?? '')).digest, other.digest);
    const sha512 = { ...descriptor, digest: digestOf(artifact.manifestBytes, 'sha512') };
    await assert.rejects(attachSignature(target, { descriptor: sha512, reference, signer, format: 'legacy' }), invalid);
  });
});

it('refuses a key in the place of a signer, whose signature alone is no bundle', async () => {
  const target = await repository();
  const key = (await loadPrivateKey((await generateKeyPair()).privateKey)) as unknown as KeySigner;
  await assert.rejects(attachSignature(target, { descriptor, reference, signer: key, format: 'bundle' }), TypeError);
});
