import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import fc from 'fast-check';
import { assembleArtifact, blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { FairleadError } from '#lib/errors';
import { type Descriptor, emptyConfigBytes, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { memoryRepository } from '#lib/registry/memory';
import type { Target } from '#lib/registry/target';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { generateKeyPair, loadPrivateKey } from '../../keys/key.ts';
import type { Alternative, AttestationRequirement, Rule } from '../../policy/policy.ts';
import { readTrustedRoot } from '../../roots/read-trusted-root.ts';
import { attachAttestation, attachSignature } from '../../sign/attach-signature.ts';
import { type KeySigner, keySigner } from '../../sign/key-signer.ts';
import { fetchSignatures } from '../../verify/fetch-signatures.ts';
import { verifySignatures } from '../../verify/verify-signatures.ts';
import { preAuthEncoding } from '../dsse.ts';
import { provenancePredicateType, signPredicateType } from '../predicate-type.ts';
import type { Signature } from '../signature.ts';
import { attestStatement, legacyAttestStatement, statementPayloadType } from '../statement.ts';
import { legacyEnvelopeMediaType } from './legacy-attestation.ts';
import { legacyTag } from './legacy-manifest.ts';
import { legacySignatureAnnotation } from './legacy-payload.ts';

const config = blob(mediaTypes.emptyConfig, emptyConfigBytes);
const artifact = assembleArtifact(
  { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor, layers: [config.descriptor] },
  [config],
);
const { descriptor } = artifact;
const other: Descriptor = { ...descriptor, digest: digestOf(Buffer.from('another artifact')) };
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const repository = 'https://github.com/acme/profiles';
const predicate = {
  buildDefinition: { externalParameters: { workflow: { repository, ref: 'refs/heads/main', path: 'p.yml' } } },
  runDetails: { builder: { id: `${repository}/p.yml@refs/heads/main` } },
};
const attestation = { predicateType: provenancePredicateType, predicate };
const wanted: AttestationRequirement = {
  type: provenancePredicateType,
  provenance: { repository: { exact: repository } },
};

let alice: KeySigner;
let bob: KeySigner;
let sigstore: PrivateSigstore;
before(async () => {
  [alice, bob] = await Promise.all([newSigner(), newSigner()]);
  sigstore = await privateSigstore();
});

async function newSigner(): Promise<KeySigner> {
  return keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
}

function ruleFor(anyOf: Alternative[] = [{ key: 'alice', publicKey: alice.key.publicKey }]): Rule {
  return { match: '**', unsigned: false, require: [{ anyOf }], attestations: [wanted] };
}

async function signedTarget(): Promise<Target> {
  const target = memoryRepository();
  await pushArtifact(target, artifact, undefined, undefined);
  await attachSignature(target, { descriptor, reference, signer: alice, format: 'bundle' });
  return target;
}

const fetched = (target: Target): Promise<Signature[]> =>
  fetchSignatures(target, descriptor, { attestations: [provenancePredicateType] });

/** A legacy attestation of a statement, by this signer. */
async function enveloped(statement: Uint8Array, signer: KeySigner, changes: object = {}): Promise<Signature> {
  const signature = await signer.key.signBytes(preAuthEncoding(statementPayloadType, statement));
  const envelope = Buffer.from(
    JSON.stringify({
      payloadType: statementPayloadType,
      payload: Buffer.from(statement).toString('base64'),
      signatures: [{ keyid: '', sig: Buffer.from(signature).toString('base64') }],
      ...changes,
    }),
  );
  return { format: 'legacy-attestation', manifest: digestOf(envelope), envelope, annotations: {} };
}

describe('an attestation in the format of cosign 2', () => {
  it('is found if the policy requires its type, also beside those of other signers', async () => {
    const target = await signedTarget();
    const review = { predicateType: 'https://acme.example/review/v1', predicate: {} };
    for (const [signer, each] of [
      [bob, attestation],
      [alice, attestation],
      [alice, review],
    ] as const) {
      await attachAttestation(target, { descriptor, reference, attestation: each, signer, format: 'legacy' });
    }
    const found = await fetched(target);
    assert.deepEqual(
      found.map(({ format }) => format),
      ['bundle', 'legacy-attestation', 'legacy-attestation'],
    );
    const { signatures } = verifySignatures(descriptor, reference, found, ruleFor());
    assert.deepEqual(
      signatures.map(({ format, attestation: of, key }) => [format, of, key]),
      [
        ['bundle', undefined, 'alice'],
        ['legacy-attestation', provenancePredicateType, 'alice'],
      ],
    );
    assert.equal((await fetchSignatures(target, descriptor)).length, 1, 'signatures alone are looked for otherwise');
  });

  it('is read whatever the type of its layer, and skipped if it is not an envelope or too large', async () => {
    const target = await signedTarget();
    const statement = legacyAttestStatement(descriptor, 'x', attestation);
    const good = await enveloped(statement, alice);
    assert.ok(good.format === 'legacy-attestation');
    const annotations = { [legacySignatureAnnotation]: '' };
    const layers = [
      blob(legacyEnvelopeMediaType, good.envelope, annotations),
      blob('text/plain', Buffer.from('text'), annotations),
      blob(legacyEnvelopeMediaType, Buffer.alloc(300_000, ' '), annotations),
      blob(legacyEnvelopeMediaType, Buffer.from('{}')),
    ];
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: config.descriptor } as const;
    const legacy = assembleArtifact({ ...manifest, layers: layers.map((layer) => layer.descriptor) }, [
      config,
      ...layers,
    ]);
    await pushArtifact(target, legacy, undefined, legacyTag(descriptor, 'att'));
    const found = await fetched(target);
    assert.equal(found.length, 2);
    verifySignatures(descriptor, reference, found, ruleFor());
  });

  it('verifies if it is keyless, with the log or a timestamp over the envelope', async () => {
    const identity = 'https://example.com/builder';
    const issuer = 'https://issuer.example';
    const root = readTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot)));
    const keyless = { issuer: { exact: issuer }, identity: { exact: identity }, claims: {} };
    const rule = (use: 'required' | 'off'): Rule => ({
      ...ruleFor([{ keyless, log: { use, root } }]),
      attestations: [wanted],
    });
    const statement = legacyAttestStatement(descriptor, 'x', attestation);
    const signature = Buffer.from(
      JSON.stringify(await sigstore.sign(descriptor, { identity, issuer, timestamped: true })),
    );
    const signed: Signature = { format: 'bundle', manifest: descriptor.digest, bundle: signature };
    const attest = async (options: object): Promise<Signature> => ({
      format: 'legacy-attestation',
      manifest: descriptor.digest,
      ...(await sigstore.attestLegacy(statement, { identity, issuer, ...options })),
    });
    verifySignatures(descriptor, reference, [signed, await attest({})], rule('required'));
    verifySignatures(descriptor, reference, [signed, await attest({ timestamped: true })], rule('required'));
    verifySignatures(descriptor, reference, [signed, await attest({ logged: false, timestamped: true })], rule('off'));
    const swapped = await attest({ logged: false, timestamped: true });
    const timestamp = 'dev.sigstore.cosign/rfc3161timestamp';
    const another = await attest({ logged: false, timestamped: true });
    assert.ok(swapped.format === 'legacy-attestation' && another.format === 'legacy-attestation');
    const annotations = { ...swapped.annotations, [timestamp]: another.annotations[timestamp] ?? '' };
    for (const attested of [await attest({ logged: false }), { ...swapped, annotations }]) {
      assert.throws(() => verifySignatures(descriptor, reference, [signed, attested], rule('off')), {
        kind: 'SignatureInvalid',
        message: /timestamp/,
      });
    }
  });
});

describe('an attack by an attestation in the format of cosign 2 is refused:', () => {
  const legacy = (of: Descriptor, said: object = predicate, type = provenancePredicateType): Uint8Array =>
    legacyAttestStatement(of, 'x', { predicateType: type, predicate: said });
  const attacks: [string, RegExp, () => Promise<Signature>][] = [
    ['by another key', /not made with this key/, () => enveloped(legacy(descriptor), bob)],
    ['of another artifact', /made for another artifact/, () => enveloped(legacy(other), alice)],
    [
      'of another repository of sources',
      /repository in its provenance is|names no repository/,
      () =>
        enveloped(
          legacy(descriptor, {
            buildDefinition: { externalParameters: { workflow: { repository: 'https://github.com/evil/profiles' } } },
            runDetails: { builder: { id: 'x' } },
          }),
          alice,
        ),
    ],
    [
      'of another type',
      /has no attestation/,
      () => enveloped(legacy(descriptor, predicate, 'https://x.example/y'), alice),
    ],
    [
      'with another payload type',
      /not made with this key|payload type/,
      () => enveloped(legacy(descriptor), alice, { payloadType: 'text/plain' }),
    ],
    ['with no signature', /has no attestation/, () => enveloped(legacy(descriptor), alice, { signatures: [] })],
    [
      'with its payload changed to this artifact',
      /not made with this key/,
      () => enveloped(legacy(other), alice, { payload: Buffer.from(legacy(descriptor)).toString('base64') }),
    ],
  ];
  for (const [name, message, make] of attacks) {
    it(name, async () => {
      const [signature] = await fetchSignatures(await signedTarget(), descriptor);
      assert.ok(signature);
      const verify = (attested: Signature): unknown =>
        verifySignatures(descriptor, reference, [signature, attested], ruleFor());
      verify(await enveloped(legacy(descriptor), alice));
      const attacking = await make();
      assert.throws(() => verify(attacking), { kind: 'SignatureInvalid', message });
    });
  }

  it('instead of a signature, even if its predicate type is that of one', async () => {
    const rule: Rule = { ...ruleFor(), attestations: [] };
    const statement = attestStatement(descriptor, { predicateType: signPredicateType, predicate: {} });
    for (const attested of [await enveloped(legacy(descriptor), alice), await enveloped(statement, alice)]) {
      assert.throws(() => verifySignatures(descriptor, reference, [attested], rule), {
        kind: 'SignatureInvalid',
        message: /it is an attestation, not a signature/,
      });
    }
  });

  it('of arbitrary bytes', () => {
    const contents = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(text)),
    );
    const annotated = fc.dictionary(
      fc.constantFrom('dev.sigstore.cosign/certificate', 'dev.sigstore.cosign/bundle'),
      fc.oneof(fc.string(), fc.json()),
    );
    fc.assert(
      fc.property(contents, annotated, (envelope, annotations) => {
        const signature: Signature = {
          format: 'legacy-attestation',
          manifest: descriptor.digest,
          envelope,
          annotations,
        };
        assert.throws(
          () => verifySignatures(descriptor, reference, [signature], ruleFor()),
          (error) => error instanceof FairleadError && error.kind === 'SignatureInvalid',
        );
      }),
    );
  });
});
