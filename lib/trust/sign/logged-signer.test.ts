import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { serveSigstore } from '#test/support/sigstore/sigstore-server';
import { loadPrivateKey } from '../keys/key.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import { verifySignatures } from '../verify/verify-signatures.ts';
import { attachSignature } from './attach-signature.ts';
import { loggedSigner } from './logged-signer.ts';
import { signArtifact } from './sign-artifact.ts';

const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from('artifact')), size: 8 };
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const p256 = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

let sigstore: PrivateSigstore;
before(async () => {
  sigstore = await privateSigstore();
});

describe('a signer with a key that logs its signatures', () => {
  for (const [rekor, name, make] of [
    [1, 'P-256', p256],
    [1, 'Ed25519', () => generateKeyPairSync('ed25519').privateKey],
    [2, 'P-256', p256],
    [2, 'RSA', () => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey],
  ] as const) {
    it(`makes bundles that verify with the log: ${name}, Rekor v${rekor}`, async () => {
      const server = await serveSigstore(sigstore, { rekor });
      try {
        const root = readTrustedRoot(json(sigstore.trustedRoot));
        const key = await loadPrivateKey(make().export({ type: 'pkcs8', format: 'pem' }).toString());
        const { caUrls: _, ...signingConfig } = server.signingConfig as { caUrls: unknown };
        const signer = await loggedSigner(key, { signingConfig: json(signingConfig), trustedRoot: root });
        const bundle = await signArtifact(artifact, signer);
        const { publicKey } = key;
        const alternative = { key: 'k', publicKey, log: { use: 'required' as const, root } };
        const rule = { match: '**', unsigned: false, require: [{ anyOf: [alternative] }] };
        const signature = { format: 'bundle', manifest: artifact.digest, bundle } as const;
        const { signatures } = verifySignatures(artifact, reference, [signature], rule);
        assert.equal(signatures[0]?.logIndexes?.length, 1);
        const material = JSON.parse(Buffer.from(bundle).toString()).verificationMaterial;
        assert.equal(material.timestampVerificationData.rfc3161Timestamps.length, 1);
      } finally {
        await server.stop();
      }
    });
  }

  it('publishes nothing that does not verify, that a log does not accept, or in the legacy format', async () => {
    const server = await serveSigstore(sigstore, { rekor: 2 });
    try {
      const signingConfig = json(server.signingConfig);
      const foreign = readTrustedRoot(json((await privateSigstore()).trustedRoot));
      const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
      const key = await loadPrivateKey(pem(p256()));
      const distrusted = await loggedSigner(key, { signingConfig, trustedRoot: foreign });
      await assert.rejects(signArtifact(artifact, distrusted), { kind: 'SignatureInvalid' });
      const p384 = await loadPrivateKey(pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey));
      await assert.rejects(signArtifact(artifact, await loggedSigner(p384, { signingConfig })), {
        kind: 'InvalidInput',
      });
      const signer = await loggedSigner(key, { signingConfig });
      const legacy = attachSignature(memoryRepository(), { descriptor: artifact, reference, signer, format: 'legacy' });
      await assert.rejects(legacy, { kind: 'InvalidInput', message: /need the bundle format/ });
    } finally {
      await server.stop();
    }
    const signer = await loggedSigner(
      await loadPrivateKey(p256().export({ type: 'pkcs8', format: 'pem' }).toString()),
      {
        signingConfig: json(server.signingConfig),
        network: { retry: { attempts: 1 } },
      },
    );
    await assert.rejects(signArtifact(artifact, signer), { kind: 'Unavailable' });
  });
});
