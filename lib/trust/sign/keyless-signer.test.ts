import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { type BundleJson, type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';
import type { Rule } from '../policy/policy.ts';
import { readTrustedRoot } from '../roots/read-trusted-root.ts';
import type { LogUse } from '../roots/trusted-root.ts';
import { verifySignatures } from '../verify/verify-signatures.ts';
import { keylessSigner } from './keyless-signer.ts';
import { signArtifact, signAttestation } from './sign-artifact.ts';

const issuer = 'https://issuer.example';
const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from('artifact')), size: 8 };
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

let sigstore: PrivateSigstore;
before(async () => {
  sigstore = await privateSigstore();
});

function ruleFor(identity: string, use: LogUse = 'required', from = sigstore): Rule {
  const log = { use, root: readTrustedRoot(json(from.trustedRoot)) };
  const keyless = { issuer: { exact: issuer }, identity: { exact: identity }, claims: {} };
  return { match: '**', unsigned: false, require: [{ anyOf: [{ keyless, log }] }] };
}

for (const rekor of [1, 2] as const) {
  describe(`a keyless signer with Rekor v${rekor}`, () => {
    let server: SigstoreServer;
    before(async () => {
      server = await serveSigstore(sigstore, { rekor });
    });
    after(() => server.stop());

    it('makes signatures and attestations that verify under the trusted root, with one certificate for those of one run', async () => {
      const signer = await keylessSigner({
        signingConfig: json(server.signingConfig),
        token: identityToken(issuer, 'me@acme.example'),
        trustedRoot: readTrustedRoot(json(sigstore.trustedRoot)),
      });
      const bundles = await Promise.all([signArtifact(artifact, signer), signArtifact(artifact, signer)]);
      bundles.push(await signArtifact(artifact, signer));
      const certificates = bundles.map(
        (bytes) => JSON.parse(Buffer.from(bytes).toString()).verificationMaterial.certificate,
      );
      assert.equal(new Set(certificates.map(({ rawBytes }) => rawBytes)).size, 1);
      for (const bundle of bundles) {
        const signature = { format: 'bundle', manifest: artifact.digest, bundle } as const;
        const held = verifySignatures(artifact, reference, [signature], ruleFor('me@acme.example')).signatures;
        assert.equal(held[0]?.logIndexes?.length, 1);
        assert.throws(
          () => verifySignatures(artifact, reference, [signature], ruleFor('you@acme.example')),
          /it was made by "me@acme\.example"/,
        );
      }
      const attestation = { predicateType: 'https://acme.example/review/v1', predicate: { by: 'me' } };
      const bundle = await signAttestation(artifact, attestation, signer);
      const signature = { format: 'bundle', manifest: artifact.digest, bundle } as const;
      const rule = ruleFor('me@acme.example');
      const attested = { ...rule, attestations: [{ type: attestation.predicateType, provenance: {} }] };
      const [first = bundle] = bundles;
      const both = [signature, { format: 'bundle', manifest: artifact.digest, bundle: first }] as const;
      const { signatures } = verifySignatures(artifact, reference, both, attested);
      assert.deepEqual(
        signatures.map((each) => each.attestation),
        [undefined, attestation.predicateType],
      );
    });

    it('publishes nothing that does not verify under the trusted root', async () => {
      const signer = await keylessSigner({
        signingConfig: json(server.signingConfig),
        token: identityToken(issuer, 'me@acme.example'),
        trustedRoot: readTrustedRoot(json((await privateSigstore()).trustedRoot)),
      });
      await assert.rejects(signArtifact(artifact, signer), { kind: 'SignatureInvalid', message: /it does not verify/ });
    });
  });
}

describe('an attack on a signature in a log of Rekor v2 is refused:', () => {
  type Change = (bundle: BundleJson, another: BundleJson) => void;
  let good: BundleJson;
  let another: BundleJson;
  before(async () => {
    const bundleFrom = async (from: PrivateSigstore): Promise<BundleJson> => {
      const server = await serveSigstore(from, { rekor: 2 });
      const token = identityToken(issuer, 'me@acme.example');
      const signer = await keylessSigner({ signingConfig: json(server.signingConfig), token });
      await signArtifact(artifact, signer);
      const bundle = await signArtifact(artifact, signer);
      await server.stop();
      return JSON.parse(Buffer.from(bundle).toString());
    };
    // The second entry in a log, so that its inclusion proof has hashes.
    [good, another] = [await bundleFrom(sigstore), await bundleFrom(sigstore)];
    assert.ok(entryOf(good).inclusionProof.hashes.length > 0);
  });

  const entryOf = (bundle: BundleJson): BundleJson => bundle.verificationMaterial.tlogEntries[0];
  const flipped = (base64: string): string => {
    const bytes = Buffer.from(base64, 'base64');
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    return bytes.toString('base64');
  };
  const attacks: readonly (readonly [string, Change])[] = [
    ['no entry', (bundle) => void bundle.verificationMaterial.tlogEntries.pop()],
    [
      'no timestamp',
      (bundle) => {
        bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [];
      },
    ],
    [
      'the timestamp of another signature',
      (bundle, other) => {
        const { timestampVerificationData } = other.verificationMaterial;
        Object.assign(bundle.verificationMaterial, { timestampVerificationData });
      },
    ],
    [
      'the entry of another signature',
      (bundle, other) => {
        bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
      },
    ],
    [
      'a broken inclusion proof',
      (bundle) => {
        const { hashes } = entryOf(bundle).inclusionProof;
        hashes[0] = flipped(hashes[0]);
      },
    ],
    [
      'another index in the log',
      (bundle) => {
        entryOf(bundle).inclusionProof.logIndex = '0';
      },
    ],
    [
      'a checkpoint of another state of the log',
      (bundle, other) => {
        entryOf(bundle).inclusionProof.checkpoint = entryOf(other).inclusionProof.checkpoint;
      },
    ],
    [
      'a checkpoint that the log did not sign',
      (bundle) => {
        const { checkpoint } = entryOf(bundle).inclusionProof;
        checkpoint.envelope = checkpoint.envelope.replace(/ (\S+)\n$/, (_: string, text: string) => {
          const bytes = Buffer.from(text, 'base64');
          bytes[10] = (bytes[10] ?? 0) ^ 1;
          return ` ${bytes.toString('base64')}\n`;
        });
      },
    ],
    [
      'a body with other content',
      (bundle) => {
        const body = Buffer.from(entryOf(bundle).canonicalizedBody, 'base64').toString();
        entryOf(bundle).canonicalizedBody = Buffer.from(body.replace('0.0.2', '0.0.1')).toString('base64');
      },
    ],
  ];
  for (const [name, change] of attacks) {
    it(name, () => {
      const rule = ruleFor('me@acme.example');
      const verify = (bundle: BundleJson) => {
        const signature = { format: 'bundle', manifest: artifact.digest, bundle: json(bundle) } as const;
        return verifySignatures(artifact, reference, [signature], rule);
      };
      verify(good);
      const changed = structuredClone(good);
      change(changed, another);
      assert.notDeepEqual(changed, good);
      assert.throws(() => verify(changed), { kind: 'SignatureInvalid' });
    });
  }
});

describe('a keyless signer', () => {
  it('shows nothing of the token if services fail, whatever they quote', async () => {
    const token = identityToken(issuer, 'me@acme.example');
    const parts = token.split('.');
    let status = 400;
    let message = '';
    const hostile = createServer((request, response) => {
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
      });
    });
    await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}`;
      const signer = await keylessSigner({ signingConfig: json(configOf(url)), token });
      const whole = `bad token ${token}, parts ${parts.join(' and ')}`;
      // Long messages are truncated: the rest of a token must be removed although it is incomplete.
      const cut = (text: string): string => `${'x'.repeat(Math.max(0, 301 - text.length))} ${text}`;
      for (const [answer, kind, said] of [
        [400, 'Unauthenticated', whole],
        [401, 'Unauthenticated', whole],
        [400, 'Unauthenticated', cut(token)],
        ...parts.map((part) => [400, 'Unauthenticated', cut(part)] as const),
        [200, 'Unavailable', whole],
      ] as const) {
        status = answer;
        message = said;
        await assert.rejects(signArtifact(artifact, signer), (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.kind, kind);
          const shown = inspect(error, { depth: 20 });
          for (const part of parts)
            for (const from of [0, 8, 16]) assert.ok(!shown.includes(part.slice(from, from + 8)), shown);
          return true;
        });
      }
    } finally {
      await new Promise((resolve) => hostile.close(resolve));
    }
  });

  it('refuses unusable signing configs, and services that would receive the token in plaintext', async () => {
    for (const [config, message] of [
      [{}, /media type/],
      [{ ...configOf('https://fulcio.example'), caUrls: [] }, /no usable certificate authority/],
      [configOf('http://fulcio.example'), /want https/],
      [configOf('http://127.0.0.1.evil.example'), /want https/],
      [configOf('fulcio.example'), /is not a URL/],
    ] as const) {
      await assert.rejects(keylessSigner({ signingConfig: json(config), token: 'x.y.z' }), {
        kind: 'InvalidInput',
        message,
      });
    }
    await assert.rejects(keylessSigner({ signingConfig: Buffer.from('{'), token: 'x.y.z' }), { kind: 'InvalidInput' });
  });
});

function configOf(url: string): object {
  return {
    mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
    caUrls: [{ url, majorApiVersion: 1, validFor: { start: '2020-01-01T00:00:00Z' }, operator: 'test' }],
  };
}
