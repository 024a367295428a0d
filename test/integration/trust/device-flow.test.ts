import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serviceClient } from '#lib/network/service-client';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { readTrustedRoot } from '#lib/trust/roots/read-trusted-root';
import { keylessSigner } from '#lib/trust/sign/keyless-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { deviceToken } from '#lib/trust/sigstore/device-flow';
import { checkIdentityToken } from '#lib/trust/sigstore/identity-token';
import { readSigningConfig } from '#lib/trust/sigstore/signing-config';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import { launcher, runFairlead } from '#test/support/cli/run';
import { type OidcIssuer, startOidcIssuer } from '#test/support/sigstore/oidc-issuer';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';

const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from('artifact')), size: 8 };
const reference = { registry: 'registry.example.com', repository: 'security/nginx' };
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

describe('a login on another device, at a real OIDC provider', () => {
  let issuer: OidcIssuer;
  let sigstore: PrivateSigstore;
  let services: SigstoreServer;
  before(async () => {
    issuer = await startOidcIssuer();
    sigstore = await privateSigstore();
    services = await serveSigstore(sigstore, { oidcIssuer: issuer.url });
  });
  after(async () => {
    await services.stop();
    await issuer.stop();
  });

  /** Runs the flow while a person does something at the page that he is told. */
  async function logIn(person: (page: string, code: string) => Promise<void>): Promise<string> {
    let done: Promise<void> | undefined;
    const { issuer: url = '' } = readSigningConfig(json(services.signingConfig), Date.now());
    const ask = (page: string, code: string): void => {
      // After the first poll, so that one is told to wait.
      done = sleep(1200).then(() => person(page, code));
    };
    // The issuer asks for five seconds between two polls, which is too long for a test.
    const token = deviceToken(url, { send: serviceClient(), sleep: () => sleep(500), ask });
    const [outcome] = await Promise.allSettled([token]);
    await done;
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  }

  it('gives a token that a certificate authority takes, for a signature that names the person', async () => {
    const token = await logIn((page, code) => issuer.logIn(page, code, 'me@acme.example'));
    assert.equal(checkIdentityToken(token, Date.now()), token);
    const trustedRoot = readTrustedRoot(json(sigstore.trustedRoot));
    const signer = await keylessSigner({ signingConfig: json(services.signingConfig), token, trustedRoot });
    const bundle = await signArtifact(artifact, signer);
    const keyless = { issuer: { exact: issuer.url }, identity: { exact: 'me@acme.example' }, claims: {} };
    const rule = {
      match: '**',
      unsigned: false,
      require: [{ anyOf: [{ keyless, log: { use: 'required' as const, root: trustedRoot } }] }],
    };
    const signature = { format: 'bundle', manifest: artifact.digest, bundle } as const;
    const { signatures } = verifySignatures(artifact, reference, [signature], rule);
    assert.deepEqual(signatures[0]?.certificate, { issuer: issuer.url, identity: 'me@acme.example', claims: {} });
  });

  it('is offered by the command at a terminal, and ends in a signature that names the person', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'trust-device-flow-'));
    try {
      await writeFile(join(folder, 'profile.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
      await writeFile(join(folder, 'signing.json'), JSON.stringify(services.signingConfig));
      await writeFile(join(folder, 'root.json'), JSON.stringify(sigstore.trustedRoot));
      const layout = ['--oci-layout', 'registry'];
      const push = ['push', 'profile.json', 'localhost/security/nginx:1', '--keyless', ...layout];
      const files = ['--signing-config', 'signing.json', '--trusted-root', 'root.json'];
      const command = [process.execPath, launcher, ...push, ...files].map((word) => `'${word}'`).join(' ');
      // A terminal, as `script` of util-linux makes one.
      const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
        cwd: folder,
        env: { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', SHELL: '/bin/sh' },
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      let shown = '';
      let person: Promise<void> | undefined;
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        shown += text;
        const [, page, code] = /open (\S+) in a browser and enter the code (\S+)/.exec(shown) ?? [];
        if (page !== undefined && code !== undefined) person ??= issuer.logIn(page, code, 'me@acme.example');
      });
      const [code] = await once(child, 'close');
      assert.equal(code, 0, shown);
      await person;
      await writeFile(
        join(folder, 'policy.yaml'),
        `apiVersion: fairlead.dev/v1
kind: TrustPolicy
trustedRoot: root.json
rules:
  - match: localhost/security/*
    require: [{keyless: {issuer: "${issuer.url}", identity: me@acme.example}}]
`,
      );
      const verify = ['verify', 'localhost/security/nginx:1', '--policy', 'policy.yaml', ...layout];
      const verified = await runFairlead(verify, { cwd: folder });
      assert.equal(verified.code, 0, verified.stderr);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('is over where the person cancels it', async () => {
    await assert.rejects(
      logIn((page, code) => issuer.cancel(page, code)),
      {
        kind: 'Unauthenticated',
        message: /the login was refused/,
      },
    );
  });

  it('is needed: a token that was made without it is not accepted', async () => {
    const signer = await keylessSigner({
      signingConfig: json(services.signingConfig),
      token: identityToken(issuer.url, 'me@acme.example'),
    });
    await assert.rejects(signArtifact(artifact, signer), {
      kind: 'Unauthenticated',
      message: /does not accept the identity token/,
    });
  });
});
