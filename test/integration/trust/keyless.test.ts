import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { promisify } from 'node:util';
import { packArtifact } from '#lib/artifact/pack-artifact';
import { pushArtifact } from '#lib/artifact/push-artifact';
import { remoteRepository } from '#lib/registry/remote/repository';
import { authorize } from '#lib/trust/policy/authorize';
import { loadPolicy } from '#lib/trust/policy/load-policy';
import { packSignature } from '#lib/trust/signature/pack-signature';
import { fetchSignatures } from '#lib/trust/verify/fetch-signatures';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, serveSigstore } from '#test/support/sigstore/sigstore-server';

const run = promisify(execFile);
const identity = 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/heads/main';
const issuer = 'https://token.actions.githubusercontent.com';

describePeers(['docker-registry', 'cosign'], 'keyless signatures and cosign', () => {
  let registry: Registry;
  let sigstore: PrivateSigstore;
  let folder: string;
  before(async () => {
    registry = await startRegistry();
    sigstore = await privateSigstore();
    folder = await mkdtemp(join(tmpdir(), 'trust-keyless-'));
    await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
  });
  after(async () => {
    await registry.stop();
    await rm(folder, { recursive: true });
  });

  const cosignVerify = (name: string, expected = { identity, issuer }) =>
    run(
      peer('cosign'),
      [
        'verify',
        '--trusted-root',
        'root.json',
        '--certificate-identity',
        expected.identity,
        '--certificate-oidc-issuer',
        expected.issuer,
        '--allow-http-registry',
        name,
      ],
      { cwd: folder, env: { HOME: folder, PATH: process.env['PATH'] } },
    );

  for (const [title, options] of [
    ['with the time of the log', {}],
    ['with the time of the log and of a timestamp authority', { timestamped: true }],
  ] as const) {
    it(`cosign accepts, by the same trusted root, what we accept: ${title}`, async () => {
      const reference = { registry: registry.host, repository: `keyless/r${Object.keys(options).length}` };
      const target = remoteRepository(reference);
      const artifact = packArtifact(
        { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } },
        { layout: 'runtime' },
      );
      const bundle = await sigstore.sign(artifact.descriptor, { identity, issuer, ...options });
      const signature = packSignature(artifact.descriptor, Buffer.from(JSON.stringify(bundle)));
      await pushArtifact(target, artifact, signature, 'v1');
      const name = `${registry.host}/${reference.repository}@${artifact.descriptor.digest}`;
      await cosignVerify(name);
      await assert.rejects(cosignVerify(name, { identity: 'https://evil.example', issuer }), /expected SAN/);
    });
  }

  for (const rekor of [1, 2] as const)
    it(`we accept, by the same trusted root, what cosign signs with Rekor v${rekor}`, async () => {
      const server = await serveSigstore(sigstore, { rekor });
      try {
        await writeFile(join(folder, 'signing.json'), JSON.stringify(server.signingConfig));
        const reference = { registry: registry.host, repository: `keyless/cosign${rekor}` };
        const target = remoteRepository(reference);
        const artifact = packArtifact(
          { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } },
          { layout: 'runtime' },
        );
        await pushArtifact(target, artifact, undefined, 'v1');
        const name = `${registry.host}/${reference.repository}@${artifact.descriptor.digest}`;
        const token = identityToken(issuer, 'me@acme.example');
        const options = ['--signing-config', 'signing.json', '--trusted-root', 'root.json', '--allow-http-registry'];
        await run(peer('cosign'), ['sign', '--yes', '--identity-token', token, ...options, name], {
          cwd: folder,
          env: { HOME: folder, PATH: process.env['PATH'] },
        });
        await writeFile(
          join(folder, 'policy.yaml'),
          `apiVersion: fairlead.dev/v1
kind: TrustPolicy
trustedRoot: root.json
rules:
  - match: ${registry.host}/keyless/*
    require: [{keyless: {issuer: ${issuer}, identityPattern: "*@acme.example"}}]
  - match: "**"
    require: [{keyless: {issuer: ${issuer}, identity: other@acme.example}}]
`,
        );
        const policy = await loadPolicy(join(folder, 'policy.yaml'));
        const signatures = await fetchSignatures(target, artifact.descriptor);
        const rule = authorize(policy, reference, 'Seccomp');
        const verification = verifySignatures(artifact.descriptor, reference, signatures, rule);
        assert.deepEqual(verification.signatures[0]?.certificate, { issuer, identity: 'me@acme.example', claims: {} });
        const [, otherRule] = policy.rules;
        assert.ok(otherRule);
        assert.throws(
          () => verifySignatures(artifact.descriptor, reference, signatures, otherRule),
          /it was made by "me@acme\.example"/,
        );
      } finally {
        await server.stop();
      }
    });

  it('we read the trusted root that cosign makes of the same certificates and keys', async () => {
    const { tlogs, ctlogs, certificateAuthorities, timestampAuthorities } = sigstore.trustedRoot as unknown as {
      [part: string]: { publicKey: { rawBytes: string }; certChain: { certificates: { rawBytes: string }[] } }[];
    };
    const pem = (type: string, der: string): string => `-----BEGIN ${type}-----\n${der}\n-----END ${type}-----\n`;
    const keyOf = (part: typeof tlogs): string => pem('PUBLIC KEY', part?.[0]?.publicKey.rawBytes ?? '');
    const chainOf = (part: typeof tlogs): string =>
      part?.[0]?.certChain.certificates.map(({ rawBytes }) => pem('CERTIFICATE', rawBytes)).join('') ?? '';
    const start = 'start-time=2020-01-01T00:00:00Z';
    const services: [flag: string, file: string, content: string, options: string][] = [
      ['fulcio', 'fulcio.pem', chainOf(certificateAuthorities), 'certificate-chain=fulcio.pem'],
      ['rekor', 'rekor.pub', keyOf(tlogs), `public-key=rekor.pub,${start}`],
      ['ctfe', 'ctfe.pub', keyOf(ctlogs), `public-key=ctfe.pub,${start}`],
      ['tsa', 'tsa.pem', chainOf(timestampAuthorities), 'certificate-chain=tsa.pem'],
    ];
    for (const [, file, content] of services) await writeFile(join(folder, file), content);
    const options = services.map(([flag, , , value]) => `--${flag}=url=http://sigstore.example,${value}`);
    await run(peer('cosign'), ['trusted-root', 'create', '--out', 'made.json', ...options], {
      cwd: folder,
      env: { HOME: folder, PATH: process.env['PATH'] },
    });
    const rule = `apiVersion: fairlead.dev/v1
kind: TrustPolicy
trustedRoot: made.json
rules:
  - match: "**"
    require: [{keyless: {issuer: "${issuer}", identity: "${identity}"}}]
`;
    await writeFile(join(folder, 'made.yaml'), rule);
    const { rules } = await loadPolicy(join(folder, 'made.yaml'));
    const reference = { registry: registry.host, repository: 'keyless/root' };
    const profile = { kind: 'Seccomp', seccomp: { defaultAction: 'SCMP_ACT_LOG' } } as const;
    const { descriptor } = packArtifact(profile, { layout: 'runtime' });
    for (const timestamped of [false, true]) {
      const bundle = Buffer.from(JSON.stringify(await sigstore.sign(descriptor, { identity, issuer, timestamped })));
      const [made] = rules;
      assert.ok(made);
      verifySignatures(descriptor, reference, [{ format: 'bundle', manifest: descriptor.digest, bundle }], made);
    }
  });
});
