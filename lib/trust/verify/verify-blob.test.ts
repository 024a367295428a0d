import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { digestOf } from '#lib/registry/digest';
import { type BundleJson, type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';
import { loadPrivateKey } from '../keys/key.ts';
import { maxEd25519Bytes } from '../keys/stream.ts';
import type { Alternative } from '../policy/policy.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import { compareBundle, type ExistingBundle } from '../sign/existing-bundle.ts';
import { type KeySigner, keySigner } from '../sign/key-signer.ts';
import { keylessSigner } from '../sign/keyless-signer.ts';
import { loggedSigner } from '../sign/logged-signer.ts';
import { provenancePredicateType } from '../signature/predicate-type.ts';
import { fileStatement, signStatement } from '../signature/statement.ts';
import { verifyBlob } from './verify-blob.ts';

const file = Buffer.from('a file of a release');
const changed = Buffer.from('a file of a releasE');
const issuer = 'https://issuer.example';
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const parsed = (bundle: Uint8Array): BundleJson => JSON.parse(Buffer.from(bundle).toString());

/** Streams bytes in pieces of this size. */
async function* streamed(bytes: Uint8Array, size = 7): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function signerWith(key: KeyObject): Promise<KeySigner> {
  return keySigner(await loadPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString()));
}

const keyed = ({ key: { publicKey } }: KeySigner): Alternative => ({ key: 'release.pub', publicKey });

function verify(bundle: Uint8Array, by: Alternative, { bytes = file, predicateType }: VerifyOptions = {}) {
  return verifyBlob(streamed(bytes), { name: 'tool.tar.gz', bundle, by, predicateType });
}

interface VerifyOptions {
  readonly bytes?: Uint8Array;
  readonly predicateType?: string;
}

async function refuses(bundle: Uint8Array, by: Alternative, reason: RegExp, options: VerifyOptions = {}) {
  await assert.rejects(verify(bundle, by, options), (error) => {
    assert.ok(error instanceof FairleadError, String(error));
    assert.equal(error.kind, 'SignatureInvalid');
    assert.match(error.message, /^the bundle does not verify tool\.tar\.gz with /);
    assert.match(error.message, reason);
    assert.ok(error.hint);
    return true;
  });
}

const kinds: Readonly<Record<string, () => KeyObject>> = {
  'P-256': () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  'P-384': () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  'P-521': () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
  'RSA 2048': () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
};

let signer: KeySigner;
let other: KeySigner;
let sigstore: PrivateSigstore;
before(async () => {
  signer = await signerWith(kinds['P-256']?.() ?? assert.fail());
  other = await signerWith(kinds['P-256']?.() ?? assert.fail());
  sigstore = await privateSigstore();
});

describe('a file that is signed with a key', () => {
  for (const [name, make] of Object.entries(kinds)) {
    it(`verifies with that key, in pieces of any size, and with no other: ${name}`, async () => {
      const own = await signerWith(make());
      const same = await signerWith(make());
      for (const size of [1, 8, 1000]) {
        const bundle = await own.signMessage(streamed(file, size));
        const { messageSignature } = parsed(bundle);
        assert.equal(messageSignature.messageDigest.digest, createHash('sha256').update(file).digest('base64'));
        const verified = await verify(bundle, keyed(own));
        assert.deepEqual(verified, {
          digest: digestOf(file),
          size: file.length,
          signedBy: { key: 'release.pub', keyFingerprint: own.key.publicKey.fingerprint },
        });
        await refuses(bundle, keyed(same), /with key release\.pub: it was not made with this key/);
        await refuses(bundle, keyed(signer), /it was not made with this key/);
        await refuses(bundle, keyed(own), /it was made for another artifact/, { bytes: changed });
        await refuses(bundle, keyed(own), /it was made for another artifact/, { bytes: Buffer.alloc(0) });
      }
    });
  }

  it('may state the hash of the curve, as cosign 3 does', async () => {
    const key = kinds['P-384']?.() ?? assert.fail();
    const bundle = json({
      ...parsed(await (await signerWith(key)).signMessage(streamed(file))),
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_384', digest: createHash('sha384').update(file).digest('base64') },
        signature: sign('sha384', file, key).toString('base64'),
      },
    });
    await verify(bundle, keyed(await signerWith(key)));
    await refuses(bundle, keyed(await signerWith(key)), /another artifact/, { bytes: changed });
  });

  it('is refused if it is too large for an Ed25519 key, to sign and to verify', async () => {
    const own = await signerWith(generateKeyPairSync('ed25519').privateKey);
    const piece = new Uint8Array(16 * 1024 * 1024);
    async function* large() {
      for (let size = 0; size <= maxEd25519Bytes; size += piece.length) yield piece;
    }
    const message = /too large for an Ed25519 key: want at most \d+ bytes/;
    await assert.rejects(own.signMessage(large()), { kind: 'LimitExceeded', message });
    const request = { name: 'f', bundle: await own.signMessage(streamed(file)), by: keyed(own) };
    await assert.rejects(verifyBlob(large(), request), { kind: 'LimitExceeded', message });
  });

  it('is not signed or verified if it cannot be read to its end', async () => {
    async function* failing() {
      yield file;
      throw new Error('EIO');
    }
    await assert.rejects(signer.signMessage(failing()), /EIO/);
    const bundle = await signer.signMessage(streamed(file));
    await assert.rejects(verifyBlob(failing(), { name: 'f', bundle, by: keyed(signer) }), /EIO/);
  });
});

describe('a file that is signed with logs and identities', () => {
  const root = () => readTrustedRoot(json(sigstore.trustedRoot));
  const identified = (identity: string, from = issuer): Alternative => ({
    keyless: { issuer: { exact: from }, identity: { exact: identity }, claims: {} },
    log: { use: 'required', root: root() },
  });

  for (const rekor of [1, 2] as const) {
    it(`verifies with the entry in the log: Rekor v${rekor}`, async () => {
      const server = await serveSigstore(sigstore, { rekor });
      try {
        const services = { signingConfig: json(server.signingConfig), trustedRoot: root() };
        const keyless = await keylessSigner({ ...services, token: identityToken(issuer, 'me@acme.example') });
        const bundle = await keyless.signMessage(streamed(file));
        const { signedBy } = await verify(bundle, identified('me@acme.example'));
        assert.deepEqual(signedBy.certificate, { issuer, identity: 'me@acme.example', claims: {} });
        assert.equal(signedBy.logIndexes?.length, 1);
        await refuses(bundle, identified('you@acme.example'), /it was made by "me@acme\.example"/);
        await refuses(bundle, identified('me@acme.example', 'https://evil.example'), /is from issuer/);
        await refuses(bundle, identified('me@acme.example'), /another artifact/, { bytes: changed });
        await refuses(bundle, keyed(signer), /it was made with a certificate, not with a key/);
        const [entry] = parsed(bundle).verificationMaterial.tlogEntries;
        assert.equal(entry.kindVersion.kind, 'hashedrekord');

        const logged = await loggedSigner(signer.key, services);
        const by: Alternative = { key: 'k', publicKey: signer.key.publicKey, log: { use: 'required', root: root() } };
        const loggedBundle = await logged.signMessage(streamed(file));
        assert.equal((await verify(loggedBundle, by)).signedBy.logIndexes?.length, 1);
        await refuses(await signer.signMessage(streamed(file)), by, /it does not verify/);
        await refuses(loggedBundle, identified('me@acme.example'), /it was made with a key, not with a certificate/);
        // The entry of another signature of the same key.
        const moved = parsed(loggedBundle);
        const second = parsed(await logged.signMessage(streamed(changed)));
        moved.verificationMaterial.tlogEntries = second.verificationMaterial.tlogEntries;
        await refuses(json(moved), by, /it does not verify/);
      } finally {
        await server.stop();
      }
    });
  }

  it('is refused without an entry in the log, and with a certificate of another authority', async () => {
    const bundle = await sigstore.signMessage(file, { identity: 'https://example.com/signer' });
    const by = identified('https://example.com/signer');
    await verify(json(bundle), by);
    const foreign = await (await privateSigstore()).signMessage(file, { identity: 'https://example.com/signer' });
    await refuses(json(foreign), by, /it does not verify/);
    const { tlogEntries: _, ...unlogged } = bundle.verificationMaterial;
    await refuses(json({ ...bundle, verificationMaterial: unlogged }), by, /it does not verify|malformed/);
    const broken = { certificate: { rawBytes: Buffer.from('no certificate').toString('base64') } };
    await refuses(json({ ...bundle, verificationMaterial: { ...broken, tlogEntries: [] } }), by, /malformed/);
  });
});

describe('an attestation about a file', () => {
  const predicate = { buildDefinition: { externalParameters: {} }, runDetails: { builder: { id: 'b' } } };
  const attestation = { predicateType: provenancePredicateType, predicate };
  const subjects = [
    { name: 'other.tar.gz', digest: digestOf(changed) },
    { name: 'tool.tar.gz', digest: digestOf(file) },
  ];

  it('verifies for each of its subjects, if its type is asked for', async () => {
    const bundle = await signer.sign(fileStatement(subjects, attestation));
    const options = { predicateType: provenancePredicateType };
    const verified = await verify(bundle, keyed(signer), options);
    assert.deepEqual(verified.predicate, predicate);
    assert.equal((await verify(bundle, keyed(signer), { ...options, bytes: changed })).digest, digestOf(changed));
    await refuses(bundle, keyed(signer), /another artifact/, { ...options, bytes: Buffer.from('a third file') });
    await refuses(bundle, keyed(other), /not made with this key/, options);
    await refuses(bundle, keyed(signer), /its predicate type is .*: want "https:\/\/spdx/, {
      predicateType: 'https://spdx.dev/Document',
    });
  });

  it('is no signature of the file, whatever it states, and a signature is no attestation', async () => {
    const bad = { predicateType: 'https://acme.example/malware/v1', predicate: {} };
    const attested = await signer.sign(fileStatement(subjects, bad));
    await refuses(attested, keyed(signer), /it is an attestation of type .*, not a signature/);
    await assert.rejects(verify(attested, keyed(signer)), { hint: /set `predicateType` to its type/ });
    const signed = await signer.signMessage(streamed(file));
    await refuses(signed, keyed(signer), /it is a signature, not an attestation/, {
      predicateType: bad.predicateType,
    });
  });

  it('that means "I signed this" is a signature, as of an artifact whose manifest is the file', async () => {
    const descriptor = { mediaType: 'x', digest: digestOf(file), size: file.length };
    const bundle = await signer.sign(signStatement(descriptor));
    await verify(bundle, keyed(signer));
    await refuses(bundle, keyed(signer), /another artifact/, { bytes: changed });
  });
});

describe('what is not a bundle', () => {
  const envelope = { payloadType: 'application/vnd.in-toto+json', payload: '', signatures: [] };
  const bundles: readonly (readonly [name: string, bytes: () => Uint8Array | Promise<Uint8Array>, reason: RegExp])[] = [
    ['an empty file', () => Buffer.from(' \n'), /it is empty/],
    [
      'a signature in base64',
      () => Buffer.from(`${sign('sha256', file, kinds['P-256']?.() ?? '').toString('base64')}\n`),
      /in base64, without/,
    ],
    ['a key', () => Buffer.from('-----BEGIN PUBLIC KEY-----\n'), /PEM/],
    [
      'the old format of cosign',
      () => json({ base64Signature: 'MEUC', cert: '', rekorBundle: {} }),
      /old format of cosign/,
    ],
    ['an envelope alone', () => json(envelope), /DSSE envelope without a bundle/],
    ['a statement', () => json({ _type: 't', predicateType: 'p', subject: [] }), /statement that is not signed/],
    [
      'two bundles',
      async () => Buffer.from(`${await bundleText()}\n${await bundleText()}\n`),
      /several bundles, one on each line/,
    ],
    ['a file that is no text', () => Buffer.from([0xff, 0xfe, 0]), /malformed/],
    ['JSON that is no object', () => Buffer.from('[]'), /malformed/],
    [
      'another media type',
      async () => json({ ...parsed(await signer.signMessage(streamed(file))), mediaType: 'application/json' }),
      /media type|malformed/,
    ],
    [
      'no signature',
      async () => json({ ...parsed(await signer.signMessage(streamed(file))), messageSignature: undefined }),
      /malformed/,
    ],
    ['an unsupported hash', async () => withDigest('SHA3_256'), /unsupported algorithm/],
    ['the digest of other bytes', async () => withDigest('SHA2_256', changed), /another artifact/],
    ['deep nesting', () => Buffer.from('['.repeat(100_000)), /malformed/],
  ];
  const bundleText = async (): Promise<string> => Buffer.from(await signer.signMessage(streamed(file))).toString();
  async function withDigest(algorithm: string, bytes = file): Promise<Uint8Array> {
    const bundle = parsed(await signer.signMessage(streamed(file)));
    bundle.messageSignature.messageDigest = {
      algorithm,
      digest: createHash('sha256').update(bytes).digest('base64'),
    };
    return json(bundle);
  }
  for (const [name, bytes, reason] of bundles) {
    it(`is refused, and named: ${name}`, async () => refuses(await bytes(), keyed(signer), reason));
  }

  it('any single byte of a good bundle that matters changed', async () => {
    const good = Buffer.from(await signer.signMessage(streamed(file)));
    const hint = good.indexOf('"hint":"');
    const end = good.indexOf('"', hint + 8);
    let verified = 0;
    for (let at = 0; at < good.length; at += 1) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      const accepted = await verify(bad, keyed(signer)).then(
        () => true,
        (error: unknown) => {
          assert.ok(error instanceof FairleadError && error.kind === 'SignatureInvalid', String(error));
          return false;
        },
      );
      if (!accepted) continue;
      verified += 1;
      const { messageSignature } = parsed(bad);
      const isHint = at > hint && at < end;
      // Base64 ignores the last bits of its last character.
      const decoded = (text: string): string => Buffer.from(text, 'base64').toString('hex');
      const same = decoded(messageSignature.signature) === decoded(parsed(good).messageSignature.signature);
      assert.ok(isHint || same, `byte ${at} of ${good.toString()}`);
    }
    assert.ok(verified > 0);
  });
});

describe('an existing bundle beside a file that is to be signed', () => {
  it('is of the same signer, of another one, of other bytes, an attestation, or no bundle', async () => {
    const review = { predicateType: 'https://acme.example/review/v1', predicate: {} };
    const bundles: readonly (readonly [Uint8Array, ExistingBundle])[] = [
      [await signer.signMessage(streamed(file)), 'same signer'],
      [await other.signMessage(streamed(file)), 'another signer'],
      [json(await sigstore.signMessage(file)), 'another signer'],
      [await signer.signMessage(streamed(changed)), 'outdated'],
      [await other.signMessage(streamed(changed)), 'outdated'],
      [Buffer.from('notes'), 'unreadable'],
      [await signer.sign(signStatement({ mediaType: 'x', digest: digestOf(file), size: 1 })), 'same signer'],
      [await signer.sign(signStatement({ mediaType: 'x', digest: digestOf(changed), size: 1 })), 'outdated'],
      [await signer.sign(fileStatement([{ name: 'f', digest: digestOf(file) }], review)), 'attestation'],
      [await signer.sign(fileStatement([{ name: 'f', digest: digestOf(changed) }], review)), 'attestation'],
    ];
    for (const [bundle, expected] of bundles) {
      assert.equal(await compareBundle(() => streamed(file), bundle, signer), expected);
    }
  });
});
