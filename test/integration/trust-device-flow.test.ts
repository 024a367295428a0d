import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { deviceToken } from '#lib/trust/device-flow';
import { checkIdentityToken } from '#lib/trust/identity-token';
import { keylessSigner } from '#lib/trust/keyless-signer';
import { serviceClient } from '#lib/trust/service-client';
import { signArtifact } from '#lib/trust/sign-artifact';
import { readSigningConfig } from '#lib/trust/signing-config';
import { readTrustedRoot } from '#lib/trust/sigstore-root';
import { verifySignatures } from '#lib/trust/verify-signatures';
import { type OidcIssuer, startOidcIssuer } from '#test/sigstore/oidc-issuer';
import { type PrivateSigstore, privateSigstore } from '#test/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/sigstore/sigstore-server';

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
    // The issuer asks for five seconds between two polls; nobody in a test waits so long.
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

  it('is over where the person cancels it', async () => {
    await assert.rejects(
      logIn((page, code) => issuer.cancel(page, code)),
      {
        kind: 'Unauthenticated',
        message: /the login was refused/,
      },
    );
  });

  it('is not what a token of somebody else’s making comes from', async () => {
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
