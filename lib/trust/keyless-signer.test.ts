import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { FairleadError } from '#lib/errors';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { type PrivateSigstore, privateSigstore } from '#test/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/sigstore/sigstore-server';
import { keylessSigner } from './keyless-signer.ts';
import type { LogUse, Rule } from './policy.ts';
import { signArtifact, signAttestation } from './sign-artifact.ts';
import { readTrustedRoot } from './sigstore-root.ts';
import { verifySignatures } from './verify-signatures.ts';

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

    it('makes signatures and attestations that hold under the trusted root, each with a certificate of its own', async () => {
      const signer = await keylessSigner({
        signingConfig: json(server.signingConfig),
        token: identityToken(issuer, 'me@acme.example'),
        trustedRoot: readTrustedRoot(json(sigstore.trustedRoot)),
      });
      const bundles = [await signArtifact(artifact, signer), await signArtifact(artifact, signer)];
      const certificates = bundles.map(
        (bytes) => JSON.parse(Buffer.from(bytes).toString()).verificationMaterial.certificate,
      );
      assert.notDeepEqual(certificates[0], certificates[1]);
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

    it('publishes nothing that does not hold under the trusted root', async () => {
      const signer = await keylessSigner({
        signingConfig: json(server.signingConfig),
        token: identityToken(issuer, 'me@acme.example'),
        trustedRoot: readTrustedRoot(json((await privateSigstore()).trustedRoot)),
      });
      await assert.rejects(signArtifact(artifact, signer), { kind: 'SignatureInvalid', message: /it does not verify/ });
    });
  });
}

describe('a keyless signer', () => {
  it('shows nothing of the token when services fail, whatever they quote', async () => {
    const token = identityToken(issuer, 'me@acme.example');
    let status = 400;
    const hostile = createServer((request, response) => {
      request.resume().on('end', () => {
        const message = `bad token ${token}, parts ${token.split('.').join(' and ')}`;
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
      });
    });
    await new Promise<void>((resolve) => hostile.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(hostile.address() as AddressInfo).port}`;
      const signer = await keylessSigner({ signingConfig: json(configOf(url)), token });
      for (const [answer, kind] of [
        [400, 'Unauthenticated'],
        [401, 'Unauthenticated'],
        [200, 'Unavailable'],
      ] as const) {
        status = answer;
        await assert.rejects(signArtifact(artifact, signer), (error) => {
          assert.ok(error instanceof FairleadError);
          assert.equal(error.kind, kind);
          const shown = inspect(error, { depth: 20 });
          for (const part of [token, ...token.split('.')]) assert.ok(!shown.includes(part), shown);
          return true;
        });
      }
    } finally {
      await new Promise((resolve) => hostile.close(resolve));
    }
  });

  it('refuses signing configs that it cannot use, and services that would get the token in the clear', async () => {
    for (const [config, message] of [
      [{}, /media type/],
      [{ ...configOf('https://fulcio.example'), caUrls: [] }, /no certificate authority/],
      [configOf('http://fulcio.example'), /not reached by https/],
      [configOf('http://127.0.0.1.evil.example'), /not reached by https/],
      [configOf('fulcio.example'), /is no URL/],
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
