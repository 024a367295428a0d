import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import { type BundleJson, type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { loadPublicKey, type PublicKey } from '../keys/key.ts';
import type { Alternative, Rule } from '../policy/policy.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import { fetchSignatures } from '../verify/fetch-signatures.ts';
import { verifySignatures } from '../verify/verify-signatures.ts';
import { packSignature } from './pack-signature.ts';
import { provenancePredicateType } from './predicate-type.ts';
import { bundleMediaType, type Signature } from './signature.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const artifactOf = (annotation: string) =>
  assembleArtifact(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: config.descriptor,
      layers: [config.descriptor],
      annotations: { annotation },
    },
    [config],
  );
const artifact = artifactOf('this');
const other = artifactOf('another');
const { descriptor, manifestBytes } = artifact;
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const { privateKey, publicKey: spki } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const identity = 'https://example.com/signer';
const issuer = 'https://issuer.example';

let publicKey: PublicKey;
let sigstore: PrivateSigstore;
before(async () => {
  publicKey = loadPublicKey(spki.export({ type: 'spki', format: 'pem' }).toString());
  sigstore = await privateSigstore();
});

function ruleOf(alternative: Alternative = { key: 'k', publicKey }): Rule {
  return { match: '**', unsigned: false, require: [{ anyOf: [alternative] }] };
}

function messageBundle(message: Uint8Array, digested = message): BundleJson {
  const digest = createHash('sha256').update(digested).digest('base64');
  return {
    mediaType: bundleMediaType,
    verificationMaterial: { publicKey: { hint: '' } },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest },
      signature: sign('sha256', message, privateKey).toString('base64'),
    },
  };
}

function signatureOf(json: BundleJson, message: Uint8Array | undefined = manifestBytes): Signature {
  const bundle = Buffer.from(JSON.stringify(json));
  return { format: 'bundle', manifest: digestOf(bundle), bundle, ...(message === undefined ? {} : { message }) };
}

const verify = (signature: Signature, rule = ruleOf()): unknown =>
  verifySignatures(descriptor, reference, [signature], rule);

describe('a signature of the manifest itself', () => {
  it('is found among the referrers, with the bytes that it signs, and verifies', async () => {
    const target = memoryRepository();
    await pushArtifact(target, artifact, undefined, undefined);
    const referrer = packSignature(descriptor, Buffer.from(JSON.stringify(messageBundle(manifestBytes))));
    const { 'dev.sigstore.bundle.predicateType': _, ...annotations } = referrer.manifest.annotations ?? {};
    await pushArtifact(
      target,
      assembleArtifact({ ...referrer.manifest, annotations }, referrer.blobs),
      undefined,
      undefined,
    );
    const [found, ...more] = await fetchSignatures(target, descriptor);
    assert.deepEqual(more, []);
    assert.ok(found?.format === 'bundle');
    assert.deepEqual(Buffer.from(found.message ?? []), Buffer.from(manifestBytes));
    assert.equal(verifySignatures(descriptor, reference, [found], ruleOf()).signatures.length, 1);
  });

  it('verifies if it is keyless, with its entry in the log', async () => {
    const root = readTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot)));
    const keyless = { issuer: { exact: issuer }, identity: { exact: identity }, claims: {} };
    const rule = ruleOf({ keyless, log: { use: 'required', root } });
    const good = await sigstore.signMessage(manifestBytes, { identity, issuer });
    verify(signatureOf(good), rule);
    const another = await sigstore.signMessage(other.manifestBytes, { identity, issuer });
    const swapped = structuredClone(good);
    swapped.verificationMaterial.tlogEntries = another.verificationMaterial.tlogEntries;
    for (const [bundle, message] of [
      [swapped, manifestBytes],
      [another, manifestBytes],
      [another, other.manifestBytes],
    ] as const) {
      assert.throws(() => verify(signatureOf(bundle, message), rule), { kind: 'SignatureInvalid' });
    }
  });

  const attacks: [string, RegExp, () => Signature][] = [
    [
      'of another manifest',
      /for another artifact/,
      () => signatureOf(messageBundle(other.manifestBytes), other.manifestBytes),
    ],
    [
      'of another manifest, beside this one',
      /for another artifact/,
      () => signatureOf(messageBundle(other.manifestBytes)),
    ],
    [
      'of another manifest, with the digest of this one',
      /not made with this key/,
      () => signatureOf(messageBundle(other.manifestBytes, manifestBytes)),
    ],
    [
      'with the digest of another manifest',
      /for another artifact/,
      () => signatureOf(messageBundle(manifestBytes, other.manifestBytes)),
    ],
    [
      'with a digest of another algorithm',
      /for another artifact/,
      () => {
        const bundle = messageBundle(manifestBytes);
        bundle.messageSignature.messageDigest.algorithm = 'SHA2_512';
        return signatureOf(bundle);
      },
    ],
    [
      'without the bytes that it signs',
      /too large or missing/,
      () => {
        const bundle = Buffer.from(JSON.stringify(messageBundle(manifestBytes)));
        return { format: 'bundle', manifest: digestOf(bundle), bundle };
      },
    ],
  ];
  for (const [name, message, make] of attacks) {
    it(`is refused: ${name}`, () => {
      verify(signatureOf(messageBundle(manifestBytes)));
      assert.throws(() => verify(make()), { kind: 'SignatureInvalid', message });
    });
  }

  it('is not an attestation', () => {
    const rule = { ...ruleOf(), attestations: [{ type: provenancePredicateType, provenance: {} }] };
    assert.throws(() => verify(signatureOf(messageBundle(manifestBytes)), rule), {
      kind: 'SignatureInvalid',
      message: /has no attestation/,
    });
  });
});
