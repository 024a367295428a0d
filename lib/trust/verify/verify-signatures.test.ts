import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { digestOf } from '#lib/registry/digest';
import {
  artifact,
  bundleSignature,
  legacyPayload,
  legacySignature,
  other,
  reference,
  refuses,
  ruleOf,
  signedBundle,
  statementFor,
} from '#test/support/sigstore/keyed-signatures';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import type { Rule } from '../policy/policy.ts';
import { type KeySigner, keySigner } from '../sign/key-signer.ts';
import { signArtifact } from '../sign/sign-artifact.ts';
import type { Signature } from '../signature/signature.ts';
import { verifySignatures } from './verify-signatures.ts';

let signer: KeySigner;
let stranger: KeySigner;
before(async () => {
  signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  stranger = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
});

describe('verifySignatures', () => {
  it('accepts what signArtifact made, and says which key held', async () => {
    const signature = bundleSignature(await signArtifact(artifact, signer));
    assert.deepEqual(verifySignatures(artifact, reference, [signature], ruleOf(['release.pub', signer])), {
      rule: 'registry.example.com/security/**',
      unsigned: false,
      signatures: [
        {
          format: 'bundle',
          manifest: signature.manifest,
          key: 'release.pub',
          keyFingerprint: signer.key.publicKey.fingerprint,
        },
      ],
    });
  });

  it('accepts the legacy form, with the capitals of older versions too', async () => {
    const { critical } = legacyPayload(artifact);
    const capitals = {
      Critical: {
        Identity: { 'docker-reference': '' },
        Image: { 'Docker-manifest-digest': artifact.digest },
        Type: critical['type'],
      },
      Optional: null,
    };
    for (const payload of [legacyPayload(artifact), capitals]) {
      const signature = await legacySignature(signer, payload);
      const verification = verifySignatures(artifact, reference, [signature], ruleOf(['release.pub', signer]));
      assert.equal(verification.signatures[0]?.format, 'legacy');
    }
  });

  for (const algorithm of ['sha384', 'sha512'] as const) {
    it(`accepts ${algorithm} digests`, async () => {
      const descriptor = { ...artifact, digest: digestOf(Buffer.from('artifact'), algorithm) };
      const signature = bundleSignature(await signArtifact(descriptor, signer));
      assert.equal(verifySignatures(descriptor, reference, [signature], ruleOf(['k', signer])).unsigned, false);
      const changed = { ...artifact, digest: digestOf(Buffer.from('another'), algorithm) };
      assert.throws(() => verifySignatures(changed, reference, [signature], ruleOf(['k', signer])), {
        kind: 'SignatureInvalid',
      });
    });
  }

  it('finds the good signature among bad ones', async () => {
    const signatures = [
      bundleSignature(Buffer.from('{')),
      bundleSignature(await signArtifact(other, signer)),
      bundleSignature(await signArtifact(artifact, stranger)),
      bundleSignature(await signArtifact(artifact, signer)),
    ];
    const verification = verifySignatures(artifact, reference, signatures, ruleOf(['k', signer]));
    assert.equal(verification.signatures[0]?.manifest, signatures[3]?.manifest);
  });

  it('wants every requirement met, and of each one alternative', async () => {
    const bySigner = bundleSignature(await signArtifact(artifact, signer));
    const byStranger = await legacySignature(stranger, legacyPayload(artifact));
    const both = ruleOf(['a.pub', signer], ['b.pub', stranger]);
    assert.deepEqual(
      verifySignatures(artifact, reference, [bySigner, byStranger], both).signatures.map(({ key }) => key),
      ['a.pub', 'b.pub'],
    );
    refuses([bySigner], both, /requires key b\.pub/);
    const either: Rule = { ...both, require: [{ anyOf: both.require.flatMap(({ anyOf }) => anyOf) }] };
    assert.equal(verifySignatures(artifact, reference, [byStranger], either).signatures[0]?.key, 'b.pub');
    refuses([], either, /is not signed; rule .* requires key a\.pub or key b\.pub/);
  });

  it('wants the repository that the signer named, where the rule asks for it', async () => {
    const named = async (dockerReference: unknown): Promise<Signature> => {
      const { critical } = legacyPayload(artifact);
      return legacySignature(signer, { critical: { ...critical, identity: { 'docker-reference': dockerReference } } });
    };
    const here = 'registry.example.com/security/nginx';
    const same: Rule = { ...ruleOf(['k', signer]), signedRepository: 'same' };
    for (const accepted of [here, `${here}:v1`, `${here}@${other.digest}`, `${here}:v1@${other.digest}`]) {
      assert.equal(verifySignatures(artifact, reference, [await named(accepted)], same).signatures.length, 1);
    }
    for (const refused of [
      '',
      'registry.example.com/security/ngin',
      `${here}/x`,
      `x${here}`,
      'registry.example.com:5000/security/nginx',
      7,
      null,
    ]) {
      refuses([await named(refused)], same, /it was made for "/);
    }
    // However it is spelled, a registry is one.
    for (const [asked, said] of [
      ['REGISTRY.example.com:443', here],
      ['registry.example.com', `Registry.Example.com:443/security/nginx:v1`],
      ['docker.io', 'index.docker.io/security/nginx'],
      ['registry-1.docker.io', 'docker.io/security/nginx:v1'],
    ] as const) {
      verifySignatures(artifact, { ...reference, registry: asked }, [await named(said)], same);
    }
    const mirrored: Rule = { ...same, signedRepository: 'upstream.example:5000/nginx' };
    verifySignatures(artifact, reference, [await named('upstream.example:5000/nginx:v1')], mirrored);
    refuses([await named(here)], mirrored, /it was made for "registry/);
    refuses([bundleSignature(await signArtifact(artifact, signer))], same, /does not name the repository/);
    // Who publishes as ever makes bundles: to sign again would not help.
    for (const signatures of [[], [bundleSignature(await signArtifact(artifact, signer))]]) {
      assert.throws(
        () => verifySignatures(artifact, reference, signatures, same),
        (error) =>
          error instanceof FairleadError && /`format: 'legacy'`|--signature-format legacy/.test(error.hint ?? ''),
      );
    }
  });

  it('asks for nothing where the rule says unsigned, and for something everywhere else', () => {
    const unsigned: Rule = { match: '**', unsigned: true, require: [] };
    assert.deepEqual(verifySignatures(artifact, reference, [], unsigned), {
      rule: '**',
      unsigned: true,
      signatures: [],
    });
    assert.throws(
      () => verifySignatures(artifact, reference, [], { match: '**', unsigned: false, require: [] }),
      (error) => error instanceof FairleadError && error.kind === 'Internal',
    );
  });

  it('lists why each signature fails, ten at most', async () => {
    const signatures = await Promise.all(
      Array.from({ length: 13 }, async () => bundleSignature(await signArtifact(artifact, stranger))),
    );
    refuses(
      signatures,
      ruleOf(['release.pub', signer]),
      /\n {2}sha256:\w+ \(bundle, with key release\.pub\): it was not made with this key\n/,
    );
    refuses(signatures, ruleOf(['release.pub', signer]), /and 3 more$/);
  });
});

describe('every kind of key that cosign verifies', () => {
  const kinds: [string, () => KeyObject, (string | null)[]][] = [
    ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, ['sha256']],
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, ['sha256', 'sha384']],
    ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey, ['sha256', 'sha512']],
    ['RSA', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, ['sha256']],
    ['Ed25519', () => generateKeyPairSync('ed25519').privateKey, [null]],
  ];
  for (const [name, generate, hashes] of kinds) {
    it(`${name}: signs, and verifies each hash that goes with it and no other`, async () => {
      const key = generate();
      const own = keySigner(await loadPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString()));
      const rule = ruleOf(['k', own]);
      const made = bundleSignature(await signArtifact(artifact, own));
      assert.equal(verifySignatures(artifact, reference, [made], rule).signatures.length, 1);
      refuses([bundleSignature(await signArtifact(artifact, signer))], rule, /not made with this key/);
      for (const hash of name === 'Ed25519' ? [null] : ['sha1', 'sha256', 'sha384', 'sha512']) {
        const other = keySigner({ ...own.key, signBytes: async (bytes) => sign(hash, bytes, key) });
        const signatures = [
          await signedBundle(other, statementFor(artifact)),
          await legacySignature(other, legacyPayload(artifact)),
        ];
        for (const signature of signatures) {
          if (hashes.includes(hash)) verifySignatures(artifact, reference, [signature], rule);
          else refuses([signature], rule, /not made with this key/);
        }
      }
    });
  }
});

describe('the cost of verifying', () => {
  it('stays under 3 ms for one bundle in a warm process', async () => {
    const signature = bundleSignature(await signArtifact(artifact, signer));
    const rule = ruleOf(['k', signer]);
    const times: number[] = [];
    for (let run = 0; run < 200; run++) {
      const start = performance.now();
      verifySignatures(artifact, reference, [signature], rule);
      times.push(performance.now() - start);
    }
    const median = times.sort((a, b) => a - b)[100] ?? Number.POSITIVE_INFINITY;
    assert.ok(median < 3, `median ${median.toFixed(2)} ms`);
  });
});
