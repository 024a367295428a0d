import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { generateKeyPair, loadPrivateKey } from '../keys/key.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import { type KeySigner, keySigner } from '../sign/key-signer.ts';
import { signArtifact, signAttestation } from '../sign/sign-artifact.ts';
import { preAuthEncoding } from '../signature/dsse.ts';
import { provenancePredicateType } from '../signature/predicate-type.ts';
import type { Signature } from '../signature/signature.ts';
import { statementPayloadType } from '../signature/statement.ts';
import { bundleBytes, envelopeOf } from '../signature/write-bundle.ts';
import { examineSignatures } from '../verify/examine-signatures.ts';
import { verifySignatures } from '../verify/verify-signatures.ts';
import type { Alternative, AttestationRequirement, Rule } from './policy.ts';

const artifact = descriptorOf('artifact');
const other = descriptorOf('another artifact');
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };

let alice: KeySigner;
let bob: KeySigner;
let carol: KeySigner;
let sigstore: PrivateSigstore;
before(async () => {
  [alice, bob, carol] = await Promise.all([newSigner(), newSigner(), newSigner()]);
  sigstore = await privateSigstore();
});

async function newSigner(): Promise<KeySigner> {
  return keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
}

function descriptorOf(content: string): Descriptor {
  const bytes = Buffer.from(content);
  return { mediaType: mediaTypes.manifest, digest: digestOf(bytes), size: bytes.length };
}

function bundled(bytes: Uint8Array | object): Signature {
  const bundle = bytes instanceof Uint8Array ? bytes : Buffer.from(JSON.stringify(bytes));
  return { format: 'bundle', manifest: digestOf(bundle), bundle };
}

function keys(...named: (readonly [string, KeySigner])[]): Alternative[] {
  return named.map(([name, { key }]) => ({ key: name, publicKey: key.publicKey }));
}

function rule(anyOf: Alternative[], threshold: number, attestations: AttestationRequirement[] = []): Rule {
  return { match: '**', unsigned: false, require: [{ anyOf, threshold }], attestations };
}

function refuses(signatures: readonly Signature[], by: Rule, message: RegExp): void {
  assert.throws(() => verifySignatures(artifact, reference, signatures, by), { kind: 'SignatureInvalid', message });
}

describe('a threshold', () => {
  it('counts signers, not signatures and not names', async () => {
    const team = (threshold: number): Rule => rule(keys(['a', alice], ['b', bob], ['c', carol]), threshold);
    const [byAlice, again, byBob] = [
      bundled(await signArtifact(artifact, alice)),
      bundled(await signArtifact(artifact, alice)),
      bundled(await signArtifact(artifact, bob)),
    ];
    const { signatures } = verifySignatures(artifact, reference, [byAlice, again, byBob], team(2));
    assert.deepEqual(
      signatures.map(({ key }) => key),
      ['a', 'b'],
    );
    refuses([byAlice, again], team(2), /1 of 2 signers have signed .*requires 2 different signers of: key a or/);
    refuses([byAlice, byBob], team(3), /2 of 3 signers/);
    refuses([byAlice], rule(keys(['a', alice], ['same', alice]), 2), /1 of 2 signers/);
    refuses([byAlice, bundled(await signArtifact(other, bob))], team(2), /made for another artifact/);
  });

  it('is at least one, even in a rule that was not parsed', () => {
    for (const threshold of [0, -1, Number.NaN]) {
      assert.throws(() => verifySignatures(artifact, reference, [], rule(keys(['a', alice]), threshold)), {
        kind: 'SignatureInvalid',
      });
    }
  });

  it('counts several identities that match one pattern', async () => {
    const log = { use: 'required', root: readTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot))) } as const;
    const keyless = {
      issuer: { exact: 'https://issuer.example' },
      identity: { pattern: '*@acme.example' },
      claims: {},
    };
    const two = rule([{ keyless, log }], 2);
    const by = async (identity: string): Promise<Signature> => bundled(await sigstore.sign(artifact, { identity }));
    const [me, meAgain, you] = [await by('me@acme.example'), await by('me@acme.example'), await by('you@acme.example')];
    verifySignatures(artifact, reference, [me, meAgain, you], two);
    refuses([me, meAgain], two, /1 of 2 signers/);
    refuses([me, await by('you@evil.example')], two, /it was made by "you@evil\.example"/);
  });
});

describe('a threshold of identities', () => {
  const log = () =>
    ({ use: 'required', root: readTrustedRoot(Buffer.from(JSON.stringify(sigstore.trustedRoot))) }) as const;
  const two = (identity: string): Rule =>
    rule(
      [{ keyless: { issuer: { pattern: '**.example' }, identity: { pattern: identity }, claims: {} }, log: log() }],
      2,
    );
  const by = async (identity: string, issuer = 'https://issuer.example'): Promise<Signature> =>
    bundled(await sigstore.sign(artifact, { identity, issuer }));

  it('counts a name once, for any issuer and in any spelling', async () => {
    const me = await by('me@acme.example');
    refuses([me, await by('me@acme.example', 'https://other.example')], two('*@*'), /1 of 2 signers/);
    refuses([me, await by('Me@ACME.example')], two('*@*'), /1 of 2 signers/);
    verifySignatures(artifact, reference, [me, await by('you@acme.example', 'https://other.example')], two('*@*'));
  });

  it('counts a workflow once, for any branch or tag', async () => {
    const workflow = (name: string, ref: string): Promise<Signature> =>
      by(`https://github.com/acme/profiles/.github/workflows/${name}.yml@refs/${ref}`);
    const published = await workflow('publish', 'tags/v1');
    const any = two('https://github.com/acme/**');
    refuses([published, await workflow('publish', 'tags/v2')], any, /1 of 2 signers/);
    refuses([published, await workflow('publish', 'heads/main')], any, /1 of 2 signers/);
    verifySignatures(artifact, reference, [published, await workflow('review', 'tags/v1')], any);
  });
});

describe('an attestation that a rule requires', () => {
  const type = provenancePredicateType;
  const predicateOf = (repository: string): object => ({
    buildDefinition: { externalParameters: { workflow: { repository, ref: 'refs/heads/main', path: 'p.yml' } } },
    runDetails: { builder: { id: 'https://github.com/acme/profiles/p.yml@refs/heads/main' } },
  });
  const wanted: AttestationRequirement = {
    type,
    provenance: { repository: { exact: 'https://github.com/acme/profiles' } },
  };
  const attest = async (by: KeySigner, repository = 'https://github.com/acme/profiles', of = artifact) =>
    bundled(await signAttestation(of, { predicateType: type, predicate: predicateOf(repository) }, by));

  it('is an in-toto statement of a known version', async () => {
    const [algorithm = '', hex = ''] = artifact.digest.split(':');
    const signature = bundled(await signArtifact(artifact, alice));
    const asked = rule(keys(['a', alice]), 1, [{ type, provenance: {} }]);
    for (const [version, good] of [
      ['https://in-toto.io/Statement/v1', true],
      ['https://in-toto.io/Statement/v0.1', true],
      ['https://in-toto.io/Statement/v2', false],
    ] as const) {
      const statement = {
        _type: version,
        subject: [{ digest: { [algorithm]: hex } }],
        predicateType: type,
        predicate: {},
      };
      const payload = Buffer.from(JSON.stringify(statement));
      const envelope = envelopeOf(payload, await alice.key.signBytes(preAuthEncoding(statementPayloadType, payload)));
      const found = [signature, bundled(bundleBytes({ dsseEnvelope: envelope }, { publicKey: { hint: '' } }))];
      if (good) verifySignatures(artifact, reference, found, asked);
      else refuses(found, asked, /has no attestation/);
    }
  });

  it('is required in addition to the signature, by the same signer unless another is named', async () => {
    const signature = bundled(await signArtifact(artifact, alice));
    const attestation = await attest(alice);
    const asked = rule(keys(['a', alice]), 1, [wanted]);
    const { signatures } = verifySignatures(artifact, reference, [attestation, signature], asked);
    assert.deepEqual(
      signatures.map(({ attestation: of, key, manifest }) => [of, key, manifest]),
      [
        [undefined, 'a', signature.manifest],
        [type, 'a', attestation.manifest],
      ],
    );
    const byBuilder = rule(keys(['a', alice]), 1, [{ ...wanted, by: { anyOf: keys(['b', bob]) } }]);
    verifySignatures(artifact, reference, [signature, await attest(bob)], byBuilder);
    refuses(
      [signature, attestation],
      byBuilder,
      /no attestation of [\s\S]*with key b\): it was not made with this key/,
    );
  });

  it('fails closed', async () => {
    const signature = bundled(await signArtifact(artifact, alice));
    const asked = rule(keys(['a', alice]), 1, [wanted]);
    refuses([signature], asked, /has no attestation https:\/\/slsa\.dev\/provenance\/v1/);
    refuses([await attest(alice)], asked, /no signature of .* meets/);
    refuses([signature, await attest(bob)], asked, /it was not made with this key/);
    refuses([signature, await attest(alice, undefined, other)], asked, /made for another artifact/);
    refuses(
      [signature, await attest(alice, 'https://github.com/evil/profiles')],
      asked,
      /repository in its provenance is "https/,
    );
    const sbom = await signAttestation(artifact, { predicateType: 'https://cyclonedx.org/bom', predicate: {} }, alice);
    refuses([signature, bundled(sbom)], asked, /has no attestation/);
    const empty = await signAttestation(artifact, { predicateType: type, predicate: {} }, alice);
    refuses([signature, bundled(empty)], asked, /it is not SLSA provenance v1/);
  });

  it('does not pass for a signature, nor a signature for an attestation', async () => {
    const attestation = await attest(alice);
    refuses([attestation], rule(keys(['a', alice]), 1), /an attestation of type .* not a signature/);
    const signature = bundled(await signArtifact(artifact, alice));
    const [, examined] = examineSignatures(artifact, reference, [signature], rule(keys(['a', alice]), 1, [wanted]));
    assert.deepEqual(examined?.refused, []);
    assert.deepEqual(examined?.held, []);
    const [signing] = examineSignatures(artifact, reference, [attestation], rule(keys(['a', alice]), 1, [wanted]));
    assert.deepEqual(signing?.refused, [], 'what is looked for as an attestation is no failed signature');
  });

  it('can require several signers by a threshold', async () => {
    const by = { anyOf: keys(['a', alice], ['b', bob]), threshold: 2 };
    const asked = rule(keys(['a', alice]), 1, [{ ...wanted, by }]);
    const signature = bundled(await signArtifact(artifact, alice));
    const [first, second] = [await attest(alice), await attest(bob)];
    verifySignatures(artifact, reference, [signature, first, second], asked);
    refuses([signature, first, await attest(alice)], asked, /1 of 2 signers have attested/);
  });
});
