import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { heldArtifacts } from '#lib/node/store/held-artifacts';
import { digestAlgorithms, digestOf } from '#lib/registry/digest';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { type KeySigner, keySigner } from '#lib/trust/sign/key-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { openPolicy, PullingNode } from '#test/support/cri/pulling-node';
import { denyChmod, packText } from '#test/support/cri/shim';
import { ServingRegistry } from '#test/support/faults/serving-registry';

const artifact = packText(denyChmod);

describe('a signed profile that a reference names by its digest of', () => {
  let registry: ServingRegistry;
  let node: PullingNode;
  let signer: KeySigner;
  beforeEach(async () => {
    registry = await new ServingRegistry().start();
    registry.add('a', artifact);
    signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const require = [{ anyOf: [{ key: 'release.pub', publicKey: signer.key.publicKey }] }];
    node = await PullingNode.start(openPolicy({ rules: [{ match: '**', unsigned: false, require }] }));
  });
  afterEach(async () => {
    await node.stop();
    await registry.stop();
  });
  /** Signs the manifest by its digest of an algorithm. */
  const sign = async (algorithm: (typeof digestAlgorithms)[number]) => {
    const descriptor = { ...artifact.descriptor, digest: digestOf(artifact.manifestBytes, algorithm) };
    registry.add('a', packSignature(descriptor, await signArtifact(descriptor, signer)));
  };

  for (const algorithm of digestAlgorithms) {
    const reference = () => `${registry.host}/a@${digestOf(artifact.manifestBytes, algorithm)}`;

    it(`${algorithm} is good by the signature of its sha256 digest, also from the store`, async () => {
      await assert.rejects(node.pull(reference()), { kind: 'SignatureInvalid' });
      await sign('sha256');
      assert.equal((await node.pull(reference())).cached, false);
      await node.restart();
      const requests = registry.requests.length;
      assert.equal((await node.pull(reference())).cached, true);
      assert.equal(registry.requests.length, requests);
      const [held] = await heldArtifacts(node.store);
      assert.deepEqual([held?.digest, held?.references], [artifact.descriptor.digest, [reference()]]);
    });

    it(`${algorithm} is good by the signature of that digest`, async () => {
      await sign(algorithm);
      assert.equal((await node.pull(reference())).cached, false);
      assert.equal((await node.pull(reference())).cached, true);
    });

    it(`${algorithm} is refused if the registry sends another manifest`, async () => {
      const other = packText(denyChmod, 'other.json');
      registry.add('a', other);
      registry.add('a', packSignature(other.descriptor, await signArtifact(other.descriptor, signer)));
      registry.replace('a', digestOf(artifact.manifestBytes, algorithm), other.manifestBytes, other.manifest.mediaType);
      await assert.rejects(node.pull(reference()), { kind: 'Conflict' });
    });
  }
});
