import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { peer } from '#test/peers/peer';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { type Finished, failed, run, succeeded } from '#test/support/cli/run';
import { fairlead, folder, policy } from '#test/support/cli/signing-folder';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';

const issuer = 'https://token.actions.githubusercontent.com';
const workflow = 'https://github.com/acme/profiles/.github/workflows/publish.yml@refs/tags/v1';
const slsa = 'https://slsa.dev/provenance/v1';
/** What GitHub Actions sets. */
const github = {
  GITHUB_ACTIONS: 'true',
  GITHUB_SERVER_URL: 'https://github.com',
  GITHUB_REPOSITORY: 'acme/profiles',
  GITHUB_WORKFLOW_REF: 'acme/profiles/.github/workflows/publish.yml@refs/tags/v1',
  GITHUB_REF: 'refs/tags/v1',
  GITHUB_SHA: '0123456789abcdef0123456789abcdef01234567',
  GITHUB_EVENT_NAME: 'push',
  GITHUB_REPOSITORY_ID: '1',
  GITHUB_REPOSITORY_OWNER_ID: '2',
  GITHUB_RUN_ID: '3',
  GITHUB_RUN_ATTEMPT: '1',
  RUNNER_ENVIRONMENT: 'github-hosted',
};

describePeers(['docker-registry', 'cosign'], 'trust commands and cosign', () => {
  let registry: Registry;
  let sigstore: PrivateSigstore;
  before(async () => {
    registry = await startRegistry();
    sigstore = await privateSigstore();
    await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
  });
  after(() => registry.stop());

  const cosign = (...args: string[]): Promise<Finished> =>
    run(peer('cosign'), [...args, '--allow-http-registry'], {
      cwd: folder,
      env: { HOME: folder, COSIGN_PASSWORD: '' },
    });

  for (const rekor of [1, 2] as const) {
    describe(`keyless, with Rekor v${rekor}`, () => {
      let server: SigstoreServer;
      let keyless: string[];
      let token: string;
      before(async () => {
        server = await serveSigstore(sigstore, { rekor, subjectClaim: 'sub' });
        await writeFile(join(folder, 'signing.json'), JSON.stringify(server.signingConfig));
        token = identityToken(issuer, 'me@acme.example', {
          sub: workflow,
          email: undefined,
          repository: 'acme/profiles',
        });
        keyless = ['--keyless', '--signing-config', 'signing.json', '--trusted-root', 'root.json'];
      });
      after(() => server.stop());

      const verified = [
        '--trusted-root',
        'root.json',
        '--certificate-identity',
        workflow,
        '--certificate-oidc-issuer',
        issuer,
      ];

      it('publishes with signature and provenance that cosign and verify accept', async () => {
        const reference = `${registry.host}/rekor${rekor}/nginx:v1`;
        const env = { ...github, SIGSTORE_ID_TOKEN: token };
        const args = ['push', 'p.json', reference, ...keyless, '--provenance', '--output', 'json'];
        const published = JSON.parse(succeeded(await fairlead(args, { env })));
        succeeded(await cosign('verify', ...verified, published.reference));
        const attested = succeeded(
          await cosign('verify-attestation', '--type', 'slsaprovenance1', ...verified, published.reference),
        );
        const statement = JSON.parse(Buffer.from(JSON.parse(attested).payload, 'base64').toString());
        assert.equal(statement.predicateType, slsa);
        assert.equal(statement.predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit, github.GITHUB_SHA);
        failed(await cosign('verify', ...verified.with(3, 'https://evil.example'), published.reference), 1, /SAN/i);

        const rule = (more = ''): string => `trustedRoot: root.json
rules:
  - match: ${registry.host}/**
    require: [{keyless: {issuer: ${issuer}, identity: "${workflow}", claims: {repository: https://github.com/acme/profiles}}}]
    attestations: [{type: slsaprovenance1, repository: https://github.com/acme/profiles, ref: refs/tags/*${more}}]
`;
        const good = await policy('good.yaml', rule());
        const shown = JSON.parse(
          succeeded(await fairlead(['verify', reference, '--policy', good, '--output', 'json'])),
        );
        assert.deepEqual(
          shown.verification.signatures.map((each: Record<string, unknown>) => each['attestation']),
          [undefined, slsa],
        );
        const bad = await policy('bad.yaml', rule(', workflow: other.yml'));
        failed(await fairlead(['verify', reference, '--policy', bad]), 5, /the workflow in its provenance is ".github/);
        for (const [command, output] of [
          ['verify', /^identity +https:\/\/github\.com\/acme\/profiles\//m],
          ['pull', /^\{"defaultAction"/],
          ['lint', /: Seccomp, /],
        ] as const) {
          assert.match(succeeded(await fairlead([command, reference, ...verified])), output);
          const stranger = await fairlead([command, reference, ...verified.with(3, 'https://evil.example')]);
          failed(stranger, 5, /it was made by "https:\/\/github\.com\/acme\/profiles\//);
        }
      });

      it('signs an existing artifact with a token from a file, and does not move the tag', async () => {
        const reference = `${registry.host}/rekor${rekor}/later:v1`;
        const { digest } = JSON.parse(
          succeeded(await fairlead(['push', 'p.json', reference, '--unsigned', '--output', 'json'])),
        );
        await writeFile(join(folder, 'token'), `${token}\n`);
        const args = ['sign', reference, ...keyless, '--identity-token', 'token', '--output', 'json'];
        const signed = JSON.parse(succeeded(await fairlead(args)));
        assert.equal(signed.reference, `${registry.host}/rekor${rekor}/later@${digest}`);
        succeeded(await cosign('verify', ...verified, signed.reference));
        const { digest: after } = JSON.parse(succeeded(await fairlead(['inspect', reference, '--output', 'json'])));
        assert.equal(after, digest);
      });
    });
  }

  it('sets no tag if keyless signing fails, and does not show the token', async () => {
    const server = await serveSigstore(await privateSigstore());
    try {
      await writeFile(join(folder, 'foreign.json'), JSON.stringify(server.signingConfig));
      const reference = `${registry.host}/failing/nginx:v1`;
      const token = identityToken(issuer, 'me@acme.example');
      const keyless = ['--keyless', '--signing-config', 'foreign.json', '--trusted-root', 'root.json'];
      const env = { SIGSTORE_ID_TOKEN: token };
      const foreign = await fairlead(['push', 'p.json', reference, ...keyless], { env });
      failed(foreign, 5, /it does not verify/);
      failed(await fairlead(['inspect', reference]), 7, /v1/);
      await server.stop();
      const unreachable = await fairlead(['push', 'p.json', reference, ...keyless], { env });
      failed(unreachable, 8, /keyless signing failed/);
      failed(await fairlead(['inspect', reference]), 7, /v1/);
      const broken = await fairlead(['push', 'p.json', reference, ...keyless], {
        env: { SIGSTORE_ID_TOKEN: token.replace('.', '.x') },
      });
      failed(broken, 2, /it is not a JSON web token/);
      for (const { stdout, stderr } of [foreign, unreachable, broken]) {
        for (const part of token.split('.')) assert.ok(!`${stdout}${stderr}`.includes(part), stderr);
      }
    } finally {
      await server.stop();
    }
  });

  for (const rekor of [1, 2] as const) {
    it(`signs and attests with a key and a log of Rekor v${rekor}, as cosign requires by default`, async () => {
      const server = await serveSigstore(sigstore, { rekor });
      try {
        await writeFile(join(folder, 'log.json'), JSON.stringify(server.signingConfig));
        const reference = `${registry.host}/logged/rekor${rekor}:v1`;
        const logged = ['--key', 'a.key', '--signing-config', 'log.json', '--trusted-root', 'root.json'];
        const env = github;
        const args = ['push', 'p.json', reference, ...logged, '--provenance', '--output', 'json'];
        const published = JSON.parse(succeeded(await fairlead(args, { env })));
        const verified = ['--key', 'a.pub', '--trusted-root', 'root.json', published.reference];
        succeeded(await cosign('verify', ...verified));
        succeeded(await cosign('verify-attestation', '--type', 'slsaprovenance1', ...verified));
        const asked = await policy(
          'logged.yaml',
          `trustedRoot: root.json\nrules:\n  - match: ${registry.host}/**\n    transparencyLog: required\n    require: [{key: a.pub}]\n`,
        );
        succeeded(await fairlead(['verify', reference, '--policy', asked]));

        const unlogged = `${registry.host}/logged/not${rekor}:v1`;
        const pinned = JSON.parse(
          succeeded(await fairlead(['push', 'p.json', unlogged, '--key', 'a.key', '--output', 'json'])),
        );
        failed(await fairlead(['verify', unlogged, '--policy', asked]), 5, /expected 1 tlog entries, got 0/);
        const refused = await cosign('verify', ...verified.with(4, pinned.reference));
        assert.match(refused.stderr, /not enough verified log entries/);
        assert.notEqual(refused.code, 0);
      } finally {
        await server.stop();
      }
    });
  }

  it('gets the token of a Buildkite job from its agent', async () => {
    const server = await serveSigstore(sigstore);
    try {
      await writeFile(join(folder, 'buildkite.json'), JSON.stringify(server.signingConfig));
      const agent = join(folder, 'bin/buildkite-agent');
      await mkdir(join(folder, 'bin'), { recursive: true });
      const token = identityToken(issuer, 'job@acme.example');
      await writeFile(agent, `#!/bin/sh\n[ "$*" = "oidc request-token --audience sigstore" ] && echo ${token}\n`, {
        mode: 0o755,
      });
      const reference = `${registry.host}/buildkite/nginx:v1`;
      const env = { BUILDKITE: 'true', PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
      const keyless = ['--keyless', '--signing-config', 'buildkite.json', '--trusted-root', 'root.json'];
      const published = JSON.parse(
        succeeded(await fairlead(['push', 'p.json', reference, ...keyless, '--output', 'json'], { env })),
      );
      const expected = ['--certificate-identity', 'job@acme.example', '--certificate-oidc-issuer', issuer];
      succeeded(await cosign('verify', '--trusted-root', 'root.json', ...expected, published.reference));
    } finally {
      await server.stop();
    }
  });

  it('signs with keys in both formats, which cosign verifies', async () => {
    for (const format of ['bundle', 'legacy']) {
      const reference = `${registry.host}/keys/${format}:v1`;
      succeeded(await fairlead(['push', 'p.json', reference, '--unsigned']));
      const args = ['sign', reference, '--key', 'a.key', '--signature-format', format, '--output', 'json'];
      const signed = JSON.parse(succeeded(await fairlead(args)));
      succeeded(await cosign('verify', '--key', 'a.pub', '--insecure-ignore-tlog', signed.reference));
      succeeded(await fairlead(['verify', reference, '--key', 'a.pub']));
      failed(await fairlead(['verify', reference, '--key', 'b.pub']), 5, /it was not made with this key/);
    }
  });

  it('makes attestations that cosign verifies, and requires attestations of cosign', async () => {
    const reference = `${registry.host}/keys/attested:v1`;
    const published = JSON.parse(
      succeeded(await fairlead(['push', 'p.json', reference, '--key', 'a.key', '--output', 'json'])),
    );
    const review = 'https://acme.example/review/v1';
    const asked = await policy(
      'review.yaml',
      `rules:\n  - match: ${registry.host}/**\n    require: [{key: a.pub}]\n    attestations: [{type: ${review}, by: {key: b.pub}}]\n`,
    );
    failed(await fairlead(['verify', reference, '--policy', asked]), 5, /has no attestation https:\/\/acme\.example/);
    const attest = ['attest', reference, '--type', review, '--predicate', '-', '--key'];
    succeeded(await fairlead([...attest, 'a.key'], { input: '{"reviewer": "alice"}' }));
    failed(await fairlead(['verify', reference, '--policy', asked]), 5, /it was not made with this key/);
    succeeded(await fairlead([...attest, 'b.key'], { input: '{"reviewer": "bob"}' }));
    succeeded(await fairlead(['verify', reference, '--policy', asked]));
    const seen = [
      'verify-attestation',
      '--insecure-ignore-tlog',
      '--type',
      review,
      '--key',
      'b.pub',
      published.reference,
    ];
    const { payload } = JSON.parse(succeeded(await cosign(...seen)));
    assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64').toString()).predicate, { reviewer: 'bob' });

    const other = `${registry.host}/keys/cosign:v1`;
    const theirs = JSON.parse(
      succeeded(await fairlead(['push', 'p.json', other, '--key', 'a.key', '--output', 'json', '--annotation', 'a=b'])),
    );
    failed(await fairlead(['verify', other, '--policy', asked]), 5, /has no attestation/);
    await writeFile(join(folder, 'predicate.json'), '{"reviewer": "carol"}');
    // cosign reads encrypted keys only.
    const env = { FAIRLEAD_PASSPHRASE: 'secret' };
    succeeded(await fairlead(['keygen', '--prefix', 'c'], { env }));
    succeeded(
      await run(peer('cosign'), ['signing-config', 'create', '--out', 'nothing.json'], {
        cwd: folder,
        env: { HOME: folder },
      }),
    );
    succeeded(
      await run(
        peer('cosign'),
        [
          'attest',
          '--yes',
          '--key',
          'c.key',
          '--type',
          review,
          '--predicate',
          'predicate.json',
          '--signing-config',
          'nothing.json',
          '--allow-http-registry',
          theirs.reference,
        ],
        { cwd: folder, env: { HOME: folder, COSIGN_PASSWORD: 'secret' } },
      ),
    );
    const byCosign = await readFile(join(folder, asked), 'utf8');
    await writeFile(join(folder, asked), byCosign.replace('b.pub', 'c.pub'));
    succeeded(await fairlead(['verify', other, '--policy', asked]));
  });
});

describe('signing commands', () => {
  it('refuse options that exclude each other, and a missing key', async () => {
    const layout = ['--oci-layout', 'registry'];
    const push = ['push', 'p.json', 'localhost/x:1', ...layout];
    const home = await mkdtemp(join(tmpdir(), 'fairlead-home-'));
    failed(await fairlead([...push, '--keyless'], { env: { HOME: home } }), 2, /no identity token/);
    assert.deepEqual(await readdir(home), [], 'nothing was fetched before the token was looked for');
    await rm(home, { recursive: true });
    failed(await fairlead([...push, '--keyless', '--key', 'a.key']), 2, /cannot be used together/);
    failed(await fairlead([...push, '--keyless', '--unsigned']), 2, /cannot be used together/);
    failed(await fairlead([...push, '--key', 'a.key', '--trusted-root', 'x']), 2, /--trusted-root needs --keyless/);
    failed(await fairlead([...push, '--key', 'a.key', '--provenance']), 2, /unknown CI system/);
    failed(
      await fairlead([...push, '--unsigned', '--provenance'], { env: github }),
      2,
      /provenance must be signed.*\n.*leave out --provenance/,
    );
    failed(await fairlead(['sign', 'localhost/x:1', ...layout]), 2, /no key or identity to sign with/);
    const attest = ['attest', 'localhost/x:1', '--key', 'a.key', ...layout, '--predicate', '-', '--type'];
    failed(await fairlead([...attest, 'provenance'], { input: '{}' }), 2, /invalid predicate type/);
    failed(await fairlead([...attest, 'cyclonedx'], { input: '[]' }), 2, /is not a JSON object/);
    for (const type of ['slsaprovenance1', 'https://slsa.dev/provenance/v1']) {
      failed(await fairlead([...attest, type], { input: '{"builder":{}}' }), 2, /stdin is not SLSA provenance v1/);
    }
    failed(await fairlead(['verify', 'localhost/x:1', ...layout]), 2, /nothing specifies what the profile must meet/);
    const both = ['verify', 'localhost/x:1', ...layout, '--key', 'a.pub', '--policy', 'p.yaml'];
    failed(await fairlead(both), 2, /--policy and --key cannot be used together/);
    failed(await fairlead(['verify', 'localhost/x:1', ...layout, '--key', 'p.json']), 2, /p\.json: not a public key/);
  });
});
