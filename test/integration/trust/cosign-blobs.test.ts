import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { loadPrivateKey } from '#lib/trust/keys/key';
import { keySigner } from '#lib/trust/sign/key-signer';
import { provenancePredicateType } from '#lib/trust/signature/predicate-type';
import { fileStatement } from '#lib/trust/signature/statement';
import { type PeerName, peer } from '#test/peers/peer';
import { describePeers } from '#test/peers/require';
import { type Finished, failed, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder } from '#test/support/cli/signing-folder';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';

const issuer = 'https://issuer.example';
const identity = 'me@acme.example';
const content = Buffer.from('a file of a release');
const predicate = {
  buildDefinition: {
    buildType: 'https://acme.example/build/v1',
    externalParameters: {},
    resolvedDependencies: [
      { uri: 'git+https://acme.example/tool@refs/tags/v1', digest: { gitCommit: 'a'.repeat(40) } },
    ],
  },
  runDetails: { builder: { id: 'https://acme.example/builder' } },
};

const kinds: readonly { name: string; make: () => KeyObject; fromCosign3: boolean }[] = [
  {
    name: 'P-256',
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    fromCosign3: true,
  },
  {
    name: 'RSA 3072',
    make: () => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey,
    fromCosign3: true,
  },
  {
    name: 'P-384',
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
    fromCosign3: true,
  },
  // cosign 3 states no message digest, and does not verify that itself.
  { name: 'Ed25519', make: () => generateKeyPairSync('ed25519').privateKey, fromCosign3: false },
];

describePeers(['cosign', 'cosign-2'], 'signatures of files, and cosign', () => {
  let sigstore: PrivateSigstore;
  before(async () => {
    sigstore = await privateSigstore();
    await writeFile(join(folder, 'file'), content);
    await writeFile(join(folder, 'changed'), 'a file of a releasE');
    await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
    await writeFile(join(folder, 'predicate.json'), JSON.stringify(predicate));
    succeeded(await cosign('cosign', ['signing-config', 'create', '--out', 'none.json']));
  });

  function cosign(program: PeerName, args: readonly string[]): Promise<Finished> {
    return run(peer(program), args, { cwd: folder, env: { HOME: folder, COSIGN_PASSWORD: 'secret' } });
  }

  const verifyBlob = (file: string, bundle: string): Promise<Finished> =>
    cosign('cosign', ['verify-blob', '--key', 'key.pub', '--bundle', bundle, '--insecure-ignore-tlog', file]);

  async function writeKeys(make: () => KeyObject): Promise<KeyObject> {
    const key = make();
    const { publicKey } = await loadPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString());
    await writeFile(join(folder, 'key.pem'), key.export({ type: 'pkcs8', format: 'pem' }));
    await writeFile(join(folder, 'key.pub'), publicKey.key.export({ type: 'spki', format: 'pem' }));
    const imported = ['import-key-pair', '--yes', '--key', 'key.pem', '--output-key-prefix', 'imported'];
    await run('rm', ['-f', 'imported.key', 'imported.pub'], { cwd: folder });
    succeeded(await cosign('cosign', imported));
    return key;
  }

  for (const { name, make, fromCosign3 } of kinds) {
    it(`with a key, in both directions: ${name}`, async () => {
      await writeKeys(make);
      succeeded(await fairlead(['sign-blob', 'file', '--key', 'key.pem', '--bundle', `ours-${name}.json`]));
      succeeded(await verifyBlob('file', `ours-${name}.json`));
      assert.notEqual((await verifyBlob('changed', `ours-${name}.json`)).code, 0);

      const theirs = ['--key', 'imported.key', '--signing-config', 'none.json', '--bundle', `theirs-${name}.json`];
      succeeded(await cosign('cosign', ['sign-blob', '--yes', ...theirs, 'file']));
      const by = ['--bundle', `theirs-${name}.json`, '--key', 'key.pub'];
      const ours = await fairlead(['verify-blob', 'file', ...by]);
      if (fromCosign3) succeeded(ours);
      else {
        failed(ours, 5, /malformed: content\.messageSignature\.messageDigest/);
        assert.notEqual((await verifyBlob('file', `theirs-${name}.json`)).code, 0);
        return;
      }
      failed(await fairlead(['verify-blob', 'changed', ...by]), 5, /made for another artifact/);
      failed(
        await fairlead(['verify-blob', 'file', '--bundle', `theirs-${name}.json`, '--key', 'a.pub']),
        5,
        /this key/,
      );
    });
  }

  it('attestations with a key, in both directions', async () => {
    const key = await writeKeys(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const signer = keySigner(await loadPrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString()));
    const files = [
      { name: 'another', digest: digestOf(Buffer.from('another file')) },
      { name: 'file', digest: digestOf(content) },
    ];
    const statement = fileStatement(files, { predicateType: provenancePredicateType, predicate });
    await writeFile(join(folder, 'attested.json'), await signer.sign(statement));
    const verifying = ['verify-blob-attestation', '--key', 'key.pub', '--insecure-ignore-tlog'];
    const attestation = ['--bundle', 'attested.json', '--type', 'slsaprovenance1'];
    succeeded(await cosign('cosign', [...verifying, ...attestation, 'file']));
    assert.notEqual((await cosign('cosign', [...verifying, ...attestation, 'changed'])).code, 0);

    const theirs = ['--key', 'imported.key', '--signing-config', 'none.json', '--bundle', 'their-attestation.json'];
    const about = ['--type', 'slsaprovenance1', '--predicate', 'predicate.json', 'file'];
    succeeded(await cosign('cosign', ['attest-blob', '--yes', ...theirs, ...about]));
    for (const bundle of ['attested.json', 'their-attestation.json']) {
      const args = ['--bundle', bundle, '--key', 'key.pub'];
      const text = succeeded(await fairlead(['verify-blob', 'file', ...args, '--type', 'slsaprovenance1']));
      assert.match(
        text,
        /^type {7}https:\/\/slsa\.dev\/provenance\/v1\nbuilder {4}https:\/\/acme\.example\/builder\n/m,
      );
      assert.match(text, /^source {5}git\+https:\/\/acme\.example\/tool@refs\/tags\/v1\ncommit {5}a{40}\n$/m);
      failed(await fairlead(['verify-blob', 'changed', ...args, '--type', 'slsaprovenance1']), 5, /another artifact/);
      failed(await fairlead(['verify-blob', 'file', ...args]), 5, /not a signature\nhint: .*set --type to its type/);
      failed(await fairlead(['verify-blob', 'file', ...args, '--type', 'spdxjson']), 5, /its predicate type is/);
    }
  });

  for (const rekor of [1, 2] as const) {
    it(`keyless, in both directions: Rekor v${rekor}`, async () => {
      const server = await serveSigstore(sigstore, { rekor });
      try {
        await writeFile(join(folder, 'signing.json'), JSON.stringify(server.signingConfig));
        await writeFile(join(folder, 'token'), identityToken(issuer, identity));
        const services = ['--signing-config', 'signing.json', '--trusted-root', 'root.json'];
        const bundles = [`keyless-ours${rekor}.json`, `keyless-theirs${rekor}.json`] as const;
        const [ours, theirs] = bundles;
        succeeded(
          await fairlead([
            'sign-blob',
            'file',
            '--keyless',
            '--identity-token',
            'token',
            ...services,
            '--bundle',
            ours,
          ]),
        );
        const signing = ['sign-blob', '--yes', '--identity-token', identityToken(issuer, identity), ...services];
        succeeded(await cosign('cosign', [...signing, '--bundle', theirs, 'file']));
        const by = [
          '--certificate-identity',
          identity,
          '--certificate-oidc-issuer',
          issuer,
          '--trusted-root',
          'root.json',
        ];
        for (const bundle of bundles) {
          succeeded(await cosign('cosign', ['verify-blob', ...by, '--bundle', bundle, 'file']));
          assert.notEqual((await cosign('cosign', ['verify-blob', ...by, '--bundle', bundle, 'changed'])).code, 0);
          succeeded(await fairlead(['verify-blob', 'file', ...by, '--bundle', bundle]));
          failed(await fairlead(['verify-blob', 'changed', ...by, '--bundle', bundle]), 5, /another artifact/);
        }
      } finally {
        await server.stop();
      }
    });
  }

  for (const rekor of [1, 2] as const) {
    it(`with a key and a log, in both directions: Rekor v${rekor}`, async () => {
      await writeKeys(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
      const server = await serveSigstore(sigstore, { rekor });
      try {
        const { caUrls: _, oidcUrls: __, ...services } = server.signingConfig as Record<string, unknown>;
        await writeFile(join(folder, 'logs.json'), JSON.stringify(services));
        const logged = ['--signing-config', 'logs.json', '--trusted-root', 'root.json'];
        const bundles = [`logged-ours${rekor}.json`, `logged-theirs${rekor}.json`] as const;
        const [ours, theirs] = bundles;
        succeeded(await fairlead(['sign-blob', 'file', '--key', 'key.pem', ...logged, '--bundle', ours]));
        const signing = ['sign-blob', '--yes', '--key', 'imported.key', ...logged, '--bundle', theirs, 'file'];
        succeeded(await cosign('cosign', signing));
        const by = ['--key', 'key.pub', '--trusted-root', 'root.json'];
        for (const bundle of bundles) {
          succeeded(await cosign('cosign', ['verify-blob', ...by, '--bundle', bundle, 'file']));
          const text = succeeded(await fairlead(['verify-blob', 'file', ...by, '--bundle', bundle]));
          assert.match(text, /, log index \d+\n/);
          succeeded(await fairlead(['verify-blob', 'file', '--key', 'key.pub', '--bundle', bundle]));
        }
        succeeded(await fairlead(['sign-blob', 'file', '--key', 'key.pem', '--bundle', `unlogged${rekor}.json`]));
        failed(
          await fairlead(['verify-blob', 'file', ...by, '--bundle', `unlogged${rekor}.json`]),
          5,
          /does not verify/,
        );
        assert.notEqual(
          (await cosign('cosign', ['verify-blob', ...by, '--bundle', `unlogged${rekor}.json`, 'file'])).code,
          0,
        );
      } finally {
        await server.stop();
      }
    });
  }

  it('in the formats of cosign 2: its new bundles verify, and the old ones are named', async () => {
    const key = ['--key', 'imported.key', '--tlog-upload=false', '--yes'];
    await writeKeys(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    succeeded(await cosign('cosign-2', ['sign-blob', ...key, '--new-bundle-format', '--bundle', 'new2.json', 'file']));
    succeeded(await fairlead(['verify-blob', 'file', '--bundle', 'new2.json', '--key', 'key.pub']));
    succeeded(
      await cosign('cosign-2', ['sign-blob', ...key, '--output-signature', 'old.sig', '--bundle', 'old2.json', 'file']),
    );
    failed(
      await fairlead(['verify-blob', 'file', '--bundle', 'old2.json', '--key', 'key.pub']),
      5,
      /old format of cosign/,
    );
    failed(
      await fairlead(['verify-blob', 'file', '--bundle', 'old.sig', '--key', 'key.pub']),
      5,
      /signature in base64, without/,
    );

    succeeded(await fairlead(['sign-blob', 'file', '--key', 'key.pem', '--bundle', 'for2.json']));
    const root = ['--trusted-root', 'root.json'];
    const verifying = ['verify-blob', '--key', 'key.pub', '--insecure-ignore-tlog', '--new-bundle-format', ...root];
    succeeded(await cosign('cosign-2', [...verifying, '--bundle', 'for2.json', 'file']));
    assert.notEqual((await cosign('cosign-2', [...verifying, '--bundle', 'for2.json', 'changed'])).code, 0);
  });
});
