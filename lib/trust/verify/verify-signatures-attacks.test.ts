import { generateKeyPairSync, sign } from 'node:crypto';
import { before, describe, it } from 'node:test';
import {
  artifact,
  bundleSignature,
  legacyPayload,
  legacySignature,
  other,
  refuses,
  ruleOf,
  signedBundle,
  statementFor,
} from '#test/support/sigstore/keyed-signatures';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { type KeySigner, keySigner } from '../sign/key-signer.ts';
import { signArtifact } from '../sign/sign-artifact.ts';
import { legacySignatureAnnotation } from '../signature/legacy/legacy-payload.ts';
import { bundleMediaType, type Signature } from '../signature/signature.ts';

let signer: KeySigner;
let stranger: KeySigner;
before(async () => {
  signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
  stranger = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
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
      /attestation of type "https:\/\/spdx\.dev\/Document", not a signature/,
      () => signedBundle(signer, statementFor(artifact, { predicateType: 'https://spdx.dev/Document' })),
    ],
    [
      'statement with no subject',
      /not an in-toto v1 statement/,
      () => signedBundle(signer, statementFor(artifact, { subject: [] })),
    ],
    [
      'statement of an older version',
      /not an in-toto v1 statement/,
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
      'bundle of an older version without a log entry',
      /has no log entry/,
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
      /signs the bytes of the manifest, which are too large or missing/,
      async () =>
        bundleSignature({
          mediaType: bundleMediaType,
          verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [] },
          messageSignature: {
            messageDigest: {
              algorithm: 'SHA2_256',
              digest: Buffer.from(artifact.digest.slice(7), 'hex').toString('base64'),
            },
            signature: Buffer.from(await signer.key.signBytes(Buffer.from('artifact'))).toString('base64'),
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
    ['legacy payload that is not an object', /has type none/, () => legacySignature(signer, '[]')],
    ['legacy payload that is not JSON', /payload is not JSON/, () => legacySignature(signer, '{')],
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
    const foreign = keySigner({
      ...signer.key,
      signBytes: async (bytes) => sign('sha256', bytes, rsa.privateKey),
    });
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
