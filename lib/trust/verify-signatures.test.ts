import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { parseReference } from '#lib/registry/reference';
import { preAuthEncoding } from './dsse.ts';
import { generateKeyPair, loadPrivateKey, type Signer } from './key.ts';
import { legacySignatureAnnotation } from './legacy-payload.ts';
import type { Rule } from './policy.ts';
import { signArtifact } from './sign-artifact.ts';
import { bundleMediaType, type Signature } from './signature.ts';
import { verifySignatures } from './verify-signatures.ts';

const reference = parseReference('registry.example.com/security/nginx:v1');
const artifact = descriptorOf('artifact');
const other = descriptorOf('another artifact');

let signer: Signer;
let stranger: Signer;
before(async () => {
  signer = await loadPrivateKey((await generateKeyPair()).privateKey);
  stranger = await loadPrivateKey((await generateKeyPair()).privateKey);
});

function descriptorOf(content: string): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
}

function ruleOf(...keys: (readonly [string, Signer])[]): Rule {
  return {
    match: 'registry.example.com/security/**',
    unsigned: false,
    require: keys.map(([key, { publicKey }]) => ({ anyOf: [{ key, publicKey }] })),
  };
}

function bundleSignature(bundle: Uint8Array | object): Signature {
  const bytes = bundle instanceof Uint8Array ? bundle : Buffer.from(JSON.stringify(bundle));
  return { format: 'bundle', manifest: digestOf(bytes), bundle: bytes };
}

/** A bundle around any statement, truly signed. */
async function signedBundle(
  by: Signer,
  statement: unknown,
  { payloadType = 'application/vnd.in-toto+json', copies = 1, mediaType = bundleMediaType } = {},
): Promise<Signature> {
  const payload = Buffer.from(typeof statement === 'string' ? statement : JSON.stringify(statement));
  const sig = Buffer.from(await by.sign(preAuthEncoding(payloadType, payload))).toString('base64');
  return bundleSignature({
    mediaType,
    verificationMaterial: { publicKey: { hint: 'any' }, tlogEntries: [] },
    dsseEnvelope: {
      payloadType,
      payload: payload.toString('base64'),
      signatures: Array.from({ length: copies }, () => ({ sig, keyid: '' })),
    },
  });
}

function statementFor(descriptor: Descriptor, changes: object = {}): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ digest: { sha256: descriptor.digest.slice('sha256:'.length) } }],
    predicateType: 'https://sigstore.dev/cosign/sign/v1',
    predicate: {},
    ...changes,
  };
}

async function legacySignature(by: Signer, payload: unknown): Promise<Signature> {
  const bytes = Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  const signature = Buffer.from(await by.sign(bytes)).toString('base64');
  return {
    format: 'legacy',
    manifest: digestOf(bytes),
    payload: bytes,
    annotations: { [legacySignatureAnnotation]: signature },
  };
}

function legacyPayload(descriptor: Descriptor): { critical: Record<string, unknown>; optional: null } {
  return {
    critical: {
      identity: { 'docker-reference': 'registry.example.com/security/nginx' },
      image: { 'docker-manifest-digest': descriptor.digest },
      type: 'cosign container image signature',
    },
    optional: null,
  };
}

function refuses(signatures: readonly Signature[], rule: Rule, message: RegExp, descriptor = artifact): void {
  assert.throws(
    () => verifySignatures(descriptor, reference, signatures, rule),
    (error) => {
      assert.ok(error instanceof FairleadError, String(error));
      assert.equal(error.kind, 'SignatureInvalid');
      assert.match(error.message, message);
      assert.ok(error.message.includes(`registry.example.com/security/nginx@${descriptor.digest}`), error.message);
      return true;
    },
  );
}

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
          keyFingerprint: signer.publicKey.fingerprint,
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

  it('accepts sha512 digests', async () => {
    const descriptor = { ...artifact, digest: digestOf(Buffer.from('artifact'), 'sha512') };
    const signature = bundleSignature(await signArtifact(descriptor, signer));
    assert.equal(verifySignatures(descriptor, reference, [signature], ruleOf(['k', signer])).unsigned, false);
  });

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
    const mirrored: Rule = { ...same, signedRepository: 'upstream.example:5000/nginx' };
    verifySignatures(artifact, reference, [await named('upstream.example:5000/nginx:v1')], mirrored);
    refuses([await named(here)], mirrored, /it was made for "registry/);
    refuses([bundleSignature(await signArtifact(artifact, signer))], same, /does not say for which repository/);
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
      const own = await loadPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString());
      const rule = ruleOf(['k', own]);
      const made = bundleSignature(await signArtifact(artifact, own));
      assert.equal(verifySignatures(artifact, reference, [made], rule).signatures.length, 1);
      refuses([bundleSignature(await signArtifact(artifact, signer))], rule, /not made with this key/);
      for (const hash of name === 'Ed25519' ? [null] : ['sha1', 'sha256', 'sha384', 'sha512']) {
        const other: Signer = { publicKey: own.publicKey, sign: async (bytes) => sign(hash, bytes, key) };
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

describe('an attack is refused:', () => {
  const attacks: [string, RegExp, () => Signature | Promise<Signature>][] = [
    [
      'bundle copied from another artifact',
      /made for another artifact/,
      async () => bundleSignature(await signArtifact(other, signer)),
    ],
    [
      'legacy signature copied from another artifact',
      /made for another artifact/,
      () => legacySignature(signer, legacyPayload(other)),
    ],
    [
      'bundle by another key',
      /not made with this key/,
      async () => bundleSignature(await signArtifact(artifact, stranger)),
    ],
    [
      'legacy signature by another key',
      /not made with this key/,
      () => legacySignature(stranger, legacyPayload(artifact)),
    ],
    [
      'bundle whose payload was changed to this artifact',
      /not made with this key/,
      async () => {
        const bundle = JSON.parse(Buffer.from(await signArtifact(other, signer)).toString());
        bundle.dsseEnvelope.payload = Buffer.from(JSON.stringify(statementFor(artifact))).toString('base64');
        return bundleSignature(bundle);
      },
    ],
    [
      'legacy payload changed to this artifact',
      /not made with this key/,
      async () =>
        ({
          ...(await legacySignature(signer, legacyPayload(other))),
          format: 'legacy',
          payload: Buffer.from(JSON.stringify(legacyPayload(artifact))),
        }) as Signature,
    ],
    [
      'SBOM attestation of this artifact by the right key',
      /states "https:\/\/spdx\.dev\/Document".* no signature/,
      () => signedBundle(signer, statementFor(artifact, { predicateType: 'https://spdx.dev/Document' })),
    ],
    [
      'statement with no subject',
      /no in-toto v1 statement/,
      () => signedBundle(signer, statementFor(artifact, { subject: [] })),
    ],
    [
      'statement of an older version',
      /no in-toto v1 statement/,
      () => signedBundle(signer, statementFor(artifact, { _type: 'https://in-toto.io/Statement/v0.1' })),
    ],
    [
      'subject under another algorithm',
      /made for another artifact/,
      () =>
        signedBundle(signer, statementFor(artifact, { subject: [{ digest: { sha512: artifact.digest.slice(7) } }] })),
    ],
    [
      'subject with a digest that only starts alike',
      /made for another artifact/,
      () =>
        signedBundle(
          signer,
          statementFor(artifact, { subject: [{ digest: { sha256: `${artifact.digest.slice(7)}00` } }] }),
        ),
    ],
    [
      'subject that is upper case',
      /made for another artifact/,
      () =>
        signedBundle(
          signer,
          statementFor(artifact, { subject: [{ digest: { sha256: artifact.digest.slice(7).toUpperCase() } }] }),
        ),
    ],
    [
      'another payload type',
      /payload type is "text\/plain"/,
      () => signedBundle(signer, statementFor(artifact), { payloadType: 'text/plain' }),
    ],
    ['payload that is not JSON', /payload is not JSON/, () => signedBundle(signer, 'sha256')],
    [
      'bundle with no signature',
      /bundle is malformed: .*signatures/,
      () => signedBundle(signer, statementFor(artifact), { copies: 0 }),
    ],
    [
      'bundle with two signatures',
      /bundle is malformed: .*signatures/,
      () => signedBundle(signer, statementFor(artifact), { copies: 2 }),
    ],
    [
      'bundle of an older version',
      /malformed|not v0\.3/,
      () =>
        signedBundle(signer, statementFor(artifact), {
          mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
        }),
    ],
    [
      'bundle of no version',
      /malformed|not v0\.3/,
      () => signedBundle(signer, statementFor(artifact), { mediaType: '' }),
    ],
    [
      'message signature over the digest in place of an envelope',
      /signs the manifest's bytes, which are too large or not there/,
      async () =>
        bundleSignature({
          mediaType: bundleMediaType,
          verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
          messageSignature: {
            messageDigest: {
              algorithm: 'SHA2_256',
              digest: Buffer.from(artifact.digest.slice(7), 'hex').toString('base64'),
            },
            signature: Buffer.from(await signer.sign(Buffer.from('artifact'))).toString('base64'),
          },
        }),
    ],
    ['malformed JSON', /bundle is malformed/, () => bundleSignature(Buffer.from('{"mediaType":'))],
    ['bytes that are no UTF-8', /bundle is malformed/, () => bundleSignature(Buffer.from([0xff, 0xfe]))],
    ['JSON that is no object', /bundle is malformed/, () => bundleSignature(Buffer.from('null'))],
    ['an empty object', /bundle is malformed/, () => bundleSignature({})],
    ['deeply nested JSON', /bundle is malformed/, () => bundleSignature(Buffer.from('['.repeat(200_000)))],
    [
      'deeply nested, closed JSON',
      /bundle is malformed/,
      () => bundleSignature(Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))),
    ],
    [
      'certificate where a key is required',
      /made with a certificate|malformed/,
      async () => {
        const bundle = JSON.parse(Buffer.from(await signArtifact(artifact, signer)).toString());
        bundle.verificationMaterial = { certificate: { rawBytes: 'MAA=' }, tlogEntries: [] };
        return bundleSignature(bundle);
      },
    ],
    [
      'legacy payload of another type',
      /has type "atomic container signature"/,
      () =>
        legacySignature(signer, {
          critical: { ...legacyPayload(artifact).critical, type: 'atomic container signature' },
        }),
    ],
    ['legacy payload that is no object', /has type none/, () => legacySignature(signer, '[]')],
    ['legacy payload that is no JSON', /payload is not JSON/, () => legacySignature(signer, '{')],
    [
      'legacy payload with the digest twice, in two cases',
      /"docker-manifest-digest" twice/,
      () =>
        legacySignature(signer, {
          critical: {
            ...legacyPayload(artifact).critical,
            image: { 'docker-manifest-digest': artifact.digest, 'Docker-Manifest-Digest': other.digest },
          },
        }),
    ],
    [
      'legacy signature that is empty',
      /not made with this key/,
      async () => ({ ...(await legacySignature(signer, legacyPayload(artifact))), annotations: {} }) as Signature,
    ],
    [
      'legacy signature that is no base64',
      /not made with this key/,
      async () =>
        ({
          ...(await legacySignature(signer, legacyPayload(artifact))),
          annotations: { [legacySignatureAnnotation]: '~~~' },
        }) as Signature,
    ],
  ];
  for (const [name, message, make] of attacks) {
    it(name, async () => refuses([await make()], ruleOf(['k', signer]), message));
  }

  it('an RSA signature under an EC key of the policy', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const foreign: Signer = {
      publicKey: signer.publicKey,
      sign: async (bytes) => sign('sha256', bytes, rsa.privateKey),
    };
    refuses([await signedBundle(foreign, statementFor(artifact))], ruleOf(['k', signer]), /not made with this key/);
  });

  it('any single byte of a good bundle changed so that it still parses', async () => {
    const good = Buffer.from(await signArtifact(artifact, signer));
    const rule = ruleOf(['k', signer]);
    const bundle = JSON.parse(good.toString());
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64');
    const signature = Buffer.from(bundle.dsseEnvelope.signatures[0].sig, 'base64');
    for (const [field, bytes] of [
      ['payload', payload],
      ['sig', signature],
    ] as const) {
      for (let index = 0; index < bytes.length; index++) {
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
        const copy = structuredClone(bundle);
        if (field === 'payload') copy.dsseEnvelope.payload = changed.toString('base64');
        else copy.dsseEnvelope.signatures[0].sig = changed.toString('base64');
        refuses([bundleSignature(copy)], rule, /not made with this key/);
      }
    }
  });
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
