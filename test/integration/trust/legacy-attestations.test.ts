import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { blob } from '#lib/artifact/assemble-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { remoteRepository } from '#lib/registry/remote/repository';
import { legacyEnvelopeMediaType } from '#lib/trust/signature/legacy/legacy-attestation';
import { legacyTag, withLegacyLayer } from '#lib/trust/signature/legacy/legacy-manifest';
import { legacyAttestStatement } from '#lib/trust/signature/statement';
import { type PeerName, peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type Finished, run, runFairlead, succeeded } from '#test/support/cli/run';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';

const provenance = 'https://slsa.dev/provenance/v1';
const repository = 'https://github.com/acme/profiles';
const predicate = {
  buildDefinition: {
    buildType: 'https://actions.github.io/buildtypes/workflow/v1',
    externalParameters: { workflow: { repository, ref: 'refs/tags/v1', path: '.github/workflows/publish.yml' } },
  },
  runDetails: { builder: { id: `${repository}/.github/workflows/publish.yml@refs/tags/v1` } },
};

describePeers(['docker-registry', 'cosign', 'cosign-2'], 'attestations in the form of cosign 2', () => {
  let folder: string;
  let registry: Registry;
  let sigstore: PrivateSigstore;
  before(async () => {
    sigstore = await privateSigstore();
    folder = await mkdtemp(join(tmpdir(), 'trust-legacy-attestations-'));
    registry = await startRegistry();
    await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
    await writeFile(join(folder, 'profile.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
    await writeFile(join(folder, 'provenance.json'), JSON.stringify(predicate));
    succeeded(await fairlead('keygen', '--prefix', 'a'));
    succeeded(await cosign('cosign-2', 'generate-key-pair', '--output-key-prefix', 'c'));
  });
  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const fairlead = (...args: string[]): Promise<Finished> =>
    runFairlead(args, { cwd: folder, env: { COSIGN_PASSWORD: '' } });

  const cosign = (program: PeerName, ...args: string[]): Promise<Finished> =>
    run(peer(program), args, { cwd: folder, env: { HOME: folder, COSIGN_PASSWORD: '' } });

  /** Attests the provenance with the key a. */
  async function attest(reference: string, format: string): Promise<void> {
    const says = ['--type', 'slsaprovenance1', '--predicate', 'provenance.json', '--signature-format', format];
    succeeded(await fairlead('attest', reference, ...says, '--key', 'a.key'));
  }

  async function publish(name: string, ...more: string[]): Promise<string> {
    const args = ['push', 'profile.json', `${registry.host}/${name}:v1`, '--key', 'a.key', '--output', 'json', ...more];
    return JSON.parse(succeeded(await fairlead(...args))).reference;
  }

  async function policyFor(by: string, more = ''): Promise<string> {
    const file = join(folder, 'policy.yaml');
    await writeFile(
      file,
      `apiVersion: fairlead.dev/v1
kind: TrustPolicy
trustedRoot: root.json
rules:
  - match: ${registry.host}/**
    require: [{key: a.pub}]
    attestations: [{type: slsaprovenance1, repository: ${repository}, ref: refs/tags/*, by: ${by}}]
${more}`,
    );
    return file;
  }

  async function verifies(reference: string, by: string, more = ''): Promise<void> {
    const verified = JSON.parse(
      succeeded(await fairlead('verify', reference, '--policy', await policyFor(by, more), '--output', 'json')),
    );
    const [, attested] = verified.signatures ?? verified.verification.signatures;
    assert.deepEqual([attested.attestation, attested.format], [provenance, 'legacy-attestation']);
  }

  async function refuses(reference: string, by: string, message: RegExp): Promise<void> {
    const { code, stderr } = await fairlead('verify', reference, '--policy', await policyFor(by));
    assert.equal(code, 5, stderr);
    assert.match(stderr, message);
  }

  const verifyAttestation = (program: PeerName, reference: string, key: string): Promise<Finished> =>
    cosign(
      program,
      ...['verify-attestation', '--type', 'slsaprovenance1', '--key', key, '--insecure-ignore-tlog'],
      ...['--allow-http-registry', reference],
    );

  it('that cosign 2 makes meet the policy, and only where they say what it asks', async () => {
    const reference = await publish('theirs');
    await refuses(reference, '{key: c.pub}', /has no attestation/);
    const attest = ['attest', '--yes', '--key', 'c.key', '--tlog-upload=false', '--allow-http-registry'];
    const other = { ...predicate, buildDefinition: { ...predicate.buildDefinition, externalParameters: {} } };
    await writeFile(join(folder, 'other.json'), JSON.stringify(other));
    const says = (file: string): Promise<Finished> =>
      cosign('cosign-2', ...attest, '--type', 'slsaprovenance1', '--predicate', file, reference);
    succeeded(await says('other.json'));
    await refuses(reference, '{key: c.pub}', /its provenance names no repository/);
    succeeded(await says('provenance.json'));
    await verifies(reference, '{key: c.pub}');
    await refuses(reference, '{key: a.pub}', /not made with this key/);
  });

  it('that we make are verified by cosign 2 and 3, beside those of cosign 2', async () => {
    // Where there are bundles, cosign 3 looks no further.
    const reference = await publish('ours', '--signature-format', 'legacy');
    const theirs = ['attest', '--yes', '--key', 'c.key', '--tlog-upload=false', '--allow-http-registry'];
    const says = ['--type', 'slsaprovenance1', '--predicate', 'provenance.json', reference];
    succeeded(await cosign('cosign-2', ...theirs, ...says));
    await attest(reference, 'legacy');
    for (const program of ['cosign', 'cosign-2'] as const) {
      for (const key of ['a.pub', 'c.pub']) {
        const shown = succeeded(await verifyAttestation(program, reference, key));
        const { payload } = JSON.parse(shown.trim().split('\n')[0] ?? '');
        assert.deepEqual(
          JSON.parse(Buffer.from(payload, 'base64').toString()).predicate.runDetails.builder,
          predicate.runDetails.builder,
        );
      }
    }
    await verifies(reference, '{key: a.pub}');
    const stranger = await publish('stranger', '--annotation', 'a=b');
    assert.notEqual((await verifyAttestation('cosign-2', stranger, 'a.pub')).code, 0);
  });

  it('stand in `cosign tree` beside the signatures, and so do bundles', async () => {
    const shows = async (program: PeerName, reference: string, expected: readonly RegExp[]): Promise<void> => {
      const shown = succeeded(await cosign(program, 'tree', '--allow-http-registry', reference));
      for (const each of expected) assert.match(shown, each);
    };
    for (const format of ['bundle', 'legacy']) {
      const reference = await publish(`tree/${format}`, '--signature-format', format);
      await attest(reference, format);
      if (format === 'bundle') {
        await shows('cosign', reference, [/sigstore\.dev\/cosign\/sign\/v1/, /slsa\.dev\/provenance\/v1/]);
      } else {
        const tags = [/Signatures .*\.sig\n.*sha256:/, /Attestations .*\.att\n.*sha256:/];
        for (const program of ['cosign', 'cosign-2'] as const) await shows(program, reference, tags);
      }
    }
  });

  it('that travel along in an archive verify on the other side', async () => {
    const reference = await publish('saved');
    await attest(reference, 'legacy');
    succeeded(await fairlead('save', `${registry.host}/saved:v1`, 'archive.tar'));
    succeeded(await fairlead('load', 'archive.tar', `${registry.host}/loaded`));
    await verifies(`${registry.host}/loaded:v1`, '{key: a.pub}');
  });

  /**
   * Writes the keys and certificates of the private Sigstore as cosign 2 takes them; gives the
   * environment that names them.
   */
  async function sigstoreFiles(): Promise<Record<string, string>> {
    const { trustedRoot } = sigstore as unknown as {
      trustedRoot: Record<
        string,
        [{ publicKey: { rawBytes: string }; certChain: { certificates: { rawBytes: string }[] } }]
      >;
    };
    const key = (part: string): Promise<void> =>
      writeFile(
        join(folder, `${part}.pub`),
        createPublicKey({
          key: Buffer.from(trustedRoot[part]?.[0].publicKey.rawBytes ?? '', 'base64'),
          format: 'der',
          type: 'spki',
        }).export({ type: 'spki', format: 'pem' }),
      );
    await Promise.all([key('tlogs'), key('ctlogs')]);
    const chain = trustedRoot['certificateAuthorities']?.[0].certChain.certificates ?? [];
    const pem = ({ rawBytes }: { rawBytes: string }): string =>
      `-----BEGIN CERTIFICATE-----\n${rawBytes}\n-----END CERTIFICATE-----\n`;
    await writeFile(join(folder, 'fulcio.pem'), chain.map(pem).join(''));
    const authority = trustedRoot['timestampAuthorities']?.[0].certChain.certificates ?? [];
    await writeFile(join(folder, 'tsa.pem'), authority.map(pem).join(''));
    return {
      HOME: folder,
      SIGSTORE_ROOT_FILE: join(folder, 'fulcio.pem'),
      SIGSTORE_REKOR_PUBLIC_KEY: join(folder, 'tlogs.pub'),
      SIGSTORE_CT_LOG_PUBLIC_KEY_FILE: join(folder, 'ctlogs.pub'),
    };
  }

  it('that cosign 2 makes keyless meet the policy', async () => {
    const server = await serveSigstore(sigstore);
    try {
      const reference = await publish('keyless');
      const { url } = (server.signingConfig as { caUrls: [{ url: string }] }).caUrls[0];
      const token = identityToken('https://issuer.example', 'me@acme.example');
      const args = [
        'attest',
        '--yes',
        '--identity-token',
        token,
        '--type',
        'slsaprovenance1',
        '--predicate',
        'provenance.json',
      ];
      const services = ['--fulcio-url', url, '--rekor-url', url];
      const env = await sigstoreFiles();
      succeeded(
        await run(peer('cosign-2'), [...args, ...services, '--allow-http-registry', reference], { cwd: folder, env }),
      );
      await verifies(reference, '{keyless: {issuer: https://issuer.example, identity: me@acme.example}}');
      await refuses(reference, '{keyless: {issuer: https://issuer.example, identity: you@acme.example}}', /me@acme/);
    } finally {
      await server.stop();
    }
  });

  it('that are keyless are timestamped as a whole, as cosign 2 wants it', async () => {
    const [identity, issuer] = ['https://example.com/builder', 'https://issuer.example'];
    const reference = await publish('timestamped');
    const target = remoteRepository({ registry: registry.host, repository: 'timestamped' });
    const descriptor = await target.resolve('v1');
    const statement = legacyAttestStatement(descriptor, 'x', { predicateType: provenance, predicate });
    const options = { identity, issuer, logged: false, timestamped: true };
    const { envelope, annotations } = await sigstore.attestLegacy(statement, options);
    const layer = blob(legacyEnvelopeMediaType, envelope, { ...annotations, predicateType: provenance });
    await pushArtifact(target, withLegacyLayer(undefined, layer), undefined, legacyTag(descriptor, 'att'));
    const args = ['verify-attestation', '--type', 'slsaprovenance1', '--insecure-ignore-tlog', '--allow-http-registry'];
    const whom = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
    const when = ['--timestamp-certificate-chain', 'tsa.pem'];
    const env = await sigstoreFiles();
    succeeded(await run(peer('cosign-2'), [...args, ...whom, ...when, reference], { cwd: folder, env }));
    await verifies(reference, `{keyless: {issuer: ${issuer}, identity: ${identity}}}`, '    transparencyLog: off\n');
  });
});
