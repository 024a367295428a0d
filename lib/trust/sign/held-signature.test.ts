import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import type { Target } from '#lib/registry/target';
import { legacyPayload, legacySignature, signedBundle, statementFor } from '#test/support/sigstore/keyed-signatures';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import { legacyManifest, legacyTag } from '../signature/legacy/legacy-manifest.ts';
import { legacyPayloadMediaType } from '../signature/legacy/legacy-payload.ts';
import { packSignature } from '../signature/pack-signature.ts';
import { bundleMediaType, type Signature } from '../signature/signature.ts';
import { fetchSignatures } from '../verify/fetch-signatures.ts';
import { attachAttestation, attachSignature } from './attach-signature.ts';
import { type KeySigner, keySigner } from './key-signer.ts';
import { keylessSigner } from './keyless-signer.ts';
import { loggedSigner } from './logged-signer.ts';
import type { Signer } from './signer.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const artifact = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [] },
  [config],
);
const { descriptor } = artifact;
const other = { ...descriptor, digest: digestOf(Buffer.from('another')) };
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const review = 'https://acme.example/review/v1';
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

async function repository(): Promise<Target> {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  return target;
}

const newSigner = async (): Promise<KeySigner> => keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const sign = (target: Target, signer: Signer, format: 'bundle' | 'legacy' = 'bundle', more = {}) =>
  attachSignature(target, { descriptor, reference, signer, format, created: new Date(), ...more });
const count = async (target: Target): Promise<number> => (await fetchSignatures(target, descriptor)).length;

/**
 * Verifies that a signer adds its signature to others that are not equivalent, and nothing the next
 * time.
 */
async function adds(target: Target, signer: Signer, format: 'bundle' | 'legacy' = 'bundle') {
  const first = await sign(target, signer, format);
  assert.equal(first.alreadyThere, false);
  const there = await count(target);
  const second = await sign(target, signer, format);
  assert.deepEqual([second.alreadyThere, second.digest], [true, first.digest]);
  assert.equal(await count(target), there);
}

describe('signing what is signed already', () => {
  let signer: KeySigner;
  before(async () => {
    signer = await newSigner();
  });

  for (const format of ['bundle', 'legacy'] as const) {
    it(`adds nothing, and reports that, however often: ${format}`, async () => {
      const target = await repository();
      const { digest } = await sign(target, signer, format);
      for (let again = 0; again < 20; again++) {
        const { alreadyThere, ...found } = await sign(target, signer, format);
        assert.deepEqual([alreadyThere, found.digest], [true, digest]);
      }
      assert.equal(await count(target), 1);
    });

    it(`adds one for each key: ${format}`, async () => {
      const target = await repository();
      for (const each of [signer, await newSigner(), await newSigner()]) await adds(target, each, format);
      assert.equal(await count(target), 3);
    });

    it(`adds at most one for each of several calls at the same time, and none after them: ${format}`, async () => {
      const target = await repository();
      const signed = await Promise.all(Array.from({ length: 5 }, () => sign(target, signer, format)));
      assert.ok(signed.some(({ alreadyThere }) => !alreadyThere));
      const there = await count(target);
      assert.ok(there >= 1 && there <= (format === 'legacy' ? 1 : 5), String(there));
      assert.equal((await sign(target, signer, format)).alreadyThere, true);
      assert.equal(await count(target), there);
    });
  }

  it('adds nothing by any kind of key', async () => {
    const target = await repository();
    for (const { privateKey } of [
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ec', { namedCurve: 'P-521' }),
      generateKeyPairSync('ed25519'),
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ]) {
      const key = keySigner(await loadPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()));
      for (const format of ['bundle', 'legacy'] as const) await adds(target, key, format);
    }
  });

  it('adds one in the other format', async () => {
    const target = await repository();
    await adds(target, signer, 'legacy');
    await adds(target, signer, 'bundle');
    assert.equal(await count(target), 2);
  });

  it('adds one for another repository, which the legacy format names', async () => {
    const target = await repository();
    await sign(target, signer, 'legacy', { reference: { ...reference, repository: 'copied/from' } });
    await adds(target, signer, 'legacy');
  });

  it('reports an existing signature only after the artifact was pushed', async () => {
    const target = await repository();
    await sign(target, signer);
    const failed = new Error('not sent');
    await assert.rejects(sign(target, signer, 'bundle', { sent: Promise.reject(failed) }), failed);
  });
});

describe('existing content does not prevent a signature from being added if it', () => {
  let signer: KeySigner;
  let target: Target;
  before(async () => {
    signer = await newSigner();
  });

  const put = async (bundle: Signature, changes: object = {}): Promise<void> => {
    assert.equal(bundle.format, 'bundle');
    const packed = packSignature(descriptor, Reflect.get(bundle, 'bundle'));
    const manifest = { ...packed.manifest, ...changes };
    await pushArtifact(target, assembleArtifact(manifest, packed.blobs), undefined, undefined);
  };
  const good = (): Promise<Signature> => signedBundle(signer, statementFor(descriptor));
  const { annotations = {} } = packSignature(descriptor, Buffer.from('x')).manifest;

  const bundles: [string, () => Promise<void>][] = [
    ['is for another artifact', async () => put(await signedBundle(signer, statementFor(other)))],
    [
      'names the key, and is broken',
      async () => {
        const bundle = JSON.parse(Buffer.from(Reflect.get(await good(), 'bundle')).toString());
        bundle.verificationMaterial.publicKey.hint = Buffer.from(signer.key.publicKey.fingerprint, 'hex').toString(
          'base64',
        );
        bundle.dsseEnvelope.signatures[0].sig = Buffer.alloc(70, 1).toString('base64');
        await put({ format: 'bundle', manifest: descriptor.digest, bundle: json(bundle) });
      },
    ],
    ['is by another key', async () => put(await signedBundle(await newSigner(), statementFor(descriptor)))],
    [
      'is an attestation',
      async () => put(await signedBundle(signer, statementFor(descriptor, { predicateType: review }))),
    ],
    ['is not JSON', async () => put({ format: 'bundle', manifest: descriptor.digest, bundle: Buffer.from('no') })],
    [
      'is of an earlier version, which not every reader accepts',
      async () =>
        put(
          await signedBundle(signer, statementFor(descriptor), {
            mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3',
          }),
        ),
    ],
    [
      'signs the manifest’s bytes, which cosign looks for elsewhere',
      async () => {
        const signature = Buffer.from(await signer.key.signBytes(artifact.manifestBytes)).toString('base64');
        const digest = Buffer.from(descriptor.digest.slice('sha256:'.length), 'hex').toString('base64');
        const bundle = {
          mediaType: bundleMediaType,
          verificationMaterial: { publicKey: { hint: 'any' }, tlogEntries: [] },
          messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest }, signature },
        };
        await put({ format: 'bundle', manifest: descriptor.digest, bundle: json(bundle) });
      },
    ],
    [
      'has another type, so that others do not find it',
      async () => put(await good(), { artifactType: 'application/x' }),
    ],
    ['does not say what it states', async () => put(await good(), { annotations: {} })],
    [
      'claims another predicate type',
      async () => put(await good(), { annotations: { ...annotations, 'dev.sigstore.bundle.predicateType': review } }),
    ],
    ['is listed, and another artifact’s', async () => put(await good(), { subject: other })],
    ['is in the other form', async () => void (await sign(target, signer, 'legacy'))],
  ];
  for (const [title, prepare] of bundles) {
    it(`${title}: bundle`, async () => {
      target = await repository();
      await prepare();
      await adds(target, signer);
    });
  }

  const layerOf = async (by: KeySigner, payload: unknown, changes = {}) => {
    const signature = await legacySignature(by, payload);
    assert.equal(signature.format, 'legacy');
    return blob(legacyPayloadMediaType, signature.payload, { ...signature.annotations, ...changes });
  };
  const layers: [string, () => ReturnType<typeof layerOf>][] = [
    ['is for another artifact', () => layerOf(signer, legacyPayload(other))],
    ['is by another key', async () => layerOf(await newSigner(), legacyPayload(descriptor))],
    ['is broken', () => layerOf(signer, legacyPayload(descriptor), { 'dev.cosignproject.cosign/signature': 'AAAA' })],
    ['is not JSON', () => layerOf(signer, 'no')],
    [
      'claims to be keyless',
      () => layerOf(signer, legacyPayload(descriptor), { 'dev.sigstore.cosign/certificate': 'none' }),
    ],
    [
      'was made for another repository',
      () => {
        const payload = legacyPayload(descriptor);
        payload.critical['identity'] = { 'docker-reference': 'registry.example.com/security/nginx2' };
        return layerOf(signer, payload);
      },
    ],
  ];
  for (const [title, make] of layers) {
    it(`${title}: legacy`, async () => {
      target = await repository();
      const layer = await make();
      await pushArtifact(target, legacyManifest([layer.descriptor], [layer]), undefined, legacyTag(descriptor, 'sig'));
      await adds(target, signer, 'legacy');
    });
  }

  it('is listed late: then it is added at most twice, and found from then on', async () => {
    const memory = await repository();
    let late: typeof memory.referrers = async () => [];
    const lagging = { ...memory, referrers: (...args: Parameters<typeof late>) => late(...args) };
    assert.equal((await sign(lagging, signer)).alreadyThere, false);
    assert.equal((await sign(lagging, signer)).alreadyThere, false);
    late = memory.referrers;
    assert.equal((await sign(lagging, signer)).alreadyThere, true);
    assert.equal(await count(memory), 2);
  });

  it('cannot be looked up', async () => {
    for (const kind of ['Unavailable', 'Unauthenticated', 'Conflict', 'LimitExceeded'] as const) {
      const memory = await repository();
      await sign(memory, signer);
      const broken = { ...memory, referrers: () => Promise.reject(new FairleadError(kind, 'no')) };
      assert.equal((await sign(broken, signer)).alreadyThere, false, kind);
      assert.equal(await count(memory), 2);
    }
  });

  it('cannot be read because of an internal error, which is reported', async () => {
    const defect = new TypeError('defect');
    const broken = { ...(await repository()), referrers: () => Promise.reject(defect) };
    await assert.rejects(sign(broken, signer), defect);
  });

  it('is looked up until the caller aborts', async () => {
    const ended = AbortSignal.abort(new Error('enough'));
    const broken = { ...(await repository()), referrers: () => Promise.reject(ended.reason) };
    const signing = attachSignature(broken, { descriptor, reference, signer, format: 'bundle' }, { signal: ended });
    await assert.rejects(signing, /enough/);
  });
});

describe('attesting what is attested already', () => {
  it('adds nothing, if that is asked, beside any attestation of this type and signer', async () => {
    for (const format of ['bundle', 'legacy'] as const) {
      const [target, alice, bob] = [await repository(), await newSigner(), await newSigner()];
      const unlessAny = (signer: KeySigner, predicateType: string) => {
        const attestation = { predicateType, predicate: { commit: 'b' } };
        return attachAttestation(target, { descriptor, reference, signer, format, attestation, unlessAny: true });
      };
      const first = await attest(target, alice, format, { commit: 'a' });
      const again = await unlessAny(alice, review);
      assert.deepEqual([again.alreadyThere, again.digest], [true, first.digest]);
      assert.equal((await unlessAny(bob, review)).alreadyThere, false);
      assert.equal((await unlessAny(alice, `${review}/other`)).alreadyThere, false);
      assert.equal(await found(target), 3);
    }
  });

  const attest = (
    target: Target,
    signer: KeySigner,
    format: 'bundle' | 'legacy',
    predicate: object,
    predicateType = review,
  ) => attachAttestation(target, { descriptor, reference, signer, format, attestation: { predicateType, predicate } });
  const found = async (target: Target) =>
    (await fetchSignatures(target, descriptor, { attestations: [review, `${review}/other`] })).length;

  for (const format of ['bundle', 'legacy'] as const) {
    it(`adds nothing for the same statement, and one if anything differs: ${format}`, async () => {
      const [target, alice, bob] = [await repository(), await newSigner(), await newSigner()];
      const first = await attest(target, alice, format, { verdict: 'good' });
      assert.equal(first.alreadyThere, false);
      for (let again = 0; again < 3; again++) {
        const { digest, alreadyThere } = await attest(target, alice, format, { verdict: 'good' });
        assert.deepEqual([digest, alreadyThere], [first.digest, true]);
      }
      assert.equal(await found(target), 1);
      assert.equal((await attest(target, alice, format, { verdict: 'bad' })).alreadyThere, false);
      assert.equal((await attest(target, bob, format, { verdict: 'good' })).alreadyThere, false);
      assert.equal((await attest(target, alice, format, { verdict: 'good' }, `${review}/other`)).alreadyThere, false);
      assert.equal((await sign(target, alice, format)).alreadyThere, false);
      assert.equal(await found(target), 5);
      assert.equal((await attest(target, alice, format, { verdict: 'good' })).alreadyThere, true);
    });
  }

  it('adds one if the existing one was forged', async () => {
    const [target, alice, mallory] = [await repository(), await newSigner(), await newSigner()];
    for (const format of ['bundle', 'legacy'] as const) {
      await attest(target, mallory, format, { verdict: 'good' });
      assert.equal((await attest(target, alice, format, { verdict: 'good' })).alreadyThere, false);
      assert.equal((await attest(target, alice, format, { verdict: 'good' })).alreadyThere, true);
    }
  });
});

for (const rekor of [1, 2] as const) {
  describe(`signing again with Rekor v${rekor}`, () => {
    const issuer = 'https://issuer.example';
    let sigstore: PrivateSigstore;
    let server: SigstoreServer;
    before(async () => {
      sigstore = await privateSigstore();
      server = await serveSigstore(sigstore, { rekor });
    });
    after(() => server.stop());

    const rootOf = (from: PrivateSigstore) => readTrustedRoot(json(from.trustedRoot));
    const keyless = (email: string, more: Partial<Parameters<typeof keylessSigner>[0]> = {}) =>
      keylessSigner({
        signingConfig: json(server.signingConfig),
        token: identityToken(issuer, email),
        trustedRoot: rootOf(sigstore),
        ...more,
      });

    it('adds nothing for the same identity, although each signature has its own certificate', async () => {
      const target = await repository();
      await adds(target, await keyless('me@acme.example'));
      const { alreadyThere } = await sign(target, await keyless('me@acme.example'));
      assert.equal(alreadyThere, true);
      assert.equal(await count(target), 1);
    });

    it('adds one for another identity, another issuer, and other claims', async () => {
      const target = await repository();
      await adds(target, await keyless('me@acme.example'));
      await adds(target, await keyless('you@acme.example'));
      await adds(target, await keyless('', { token: identityToken('https://other.example', 'me@acme.example') }));
      const repositories = ['acme/one', 'acme/two'];
      for (const name of repositories) {
        await adds(
          target,
          await keyless('', { token: identityToken(issuer, 'me@acme.example', { repository: name }) }),
        );
      }
    });

    it('adds one if that of the same identity is of another Sigstore, or broken', async () => {
      const target = await repository();
      const foreign = await serveSigstore(await privateSigstore(), { rekor });
      try {
        const signingConfig = json(foreign.signingConfig);
        await sign(target, await keyless('me@acme.example', { signingConfig, trustedRoot: undefined }));
      } finally {
        await foreign.stop();
      }
      await adds(target, await keyless('me@acme.example'));
    });

    it('adds one each time without a trusted root, which would verify the existing one', async () => {
      const target = await repository();
      for (let times = 1; times <= 2; times++) {
        const signer = await keyless('me@acme.example', { trustedRoot: undefined });
        assert.equal((await sign(target, signer)).alreadyThere, false);
        assert.equal(await count(target), times);
      }
    });

    it('uses its certificate again, until it is about to expire', async (context) => {
      context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
      const target = await repository();
      const signer = await keyless('me@acme.example');
      const attestation = { predicateType: review, predicate: { by: 'me' } };
      const request = { descriptor, reference, signer, format: 'bundle', attestation } as const;
      await adds(target, signer);
      assert.equal((await attachAttestation(target, request)).alreadyThere, false);
      assert.equal((await attachAttestation(target, request)).alreadyThere, true);
      const certificates = async () => {
        const bundles = await fetchSignatures(target, descriptor, { attestations: [review] });
        const read = bundles.map((each) => JSON.parse(Buffer.from(Reflect.get(each, 'bundle')).toString()));
        return new Set(read.map((each) => each.verificationMaterial.certificate.rawBytes)).size;
      };
      assert.equal(await certificates(), 1);
      context.mock.timers.tick(9.5 * 60_000);
      const changed = { predicateType: review, predicate: { by: 'me', again: true } };
      await attachAttestation(target, { ...request, attestation: changed });
      assert.equal(await certificates(), 2);
    });

    it('adds one with a log entry to one without, nothing to one with it, and then none without it', async () => {
      const target = await repository();
      const signer = await newSigner();
      const signingConfig = json(server.signingConfig);
      const logged = await loggedSigner(signer.key, { signingConfig, trustedRoot: rootOf(sigstore) });
      await adds(target, signer);
      await adds(target, logged);
      assert.equal((await sign(target, signer)).alreadyThere, true);
      assert.equal(await count(target), 2);
      const unchecked = await loggedSigner(signer.key, { signingConfig });
      assert.equal((await sign(target, unchecked)).alreadyThere, false);
    });
  });
}
