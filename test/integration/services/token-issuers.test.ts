import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { serviceClient } from '#lib/network/service-client';
import { deviceToken } from '#lib/trust/sigstore/device-flow';
import { Authenticator } from '#services/callers/authenticator';
import { isAuthorized, type TrustedIssuer } from '#services/callers/authorization';
import { parseAuthorization } from '#services/callers/parse-authorization';
import { apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { startOidcIssuer } from '#test/support/sigstore/oidc-issuer';

const audience = 'https://fairlead.example.com';
const authenticatorFor = (issuer: TrustedIssuer, expected = audience): Authenticator =>
  new Authenticator({
    audience: expected,
    authorization: { current: { source: 'authorization.yaml', issuers: [issuer], rules: [] } },
  });

describe('a token of oidc-provider', () => {
  it('proves who calls, to the service that it is for', async () => {
    const issuer = await startOidcIssuer();
    try {
      let login: Promise<void> | undefined;
      const token = await deviceToken(issuer.url, {
        send: serviceClient(),
        // The flow polls at once after the person has logged in.
        sleep: async () => login,
        ask: (page, code) => {
          login = issuer.logIn(page, code, 'ada@example.com');
        },
      });
      // Its client is named `sigstore`, and so is the audience.
      const caller = await authenticatorFor({ issuer: issuer.url }, 'sigstore').authenticate(`Bearer ${token}`);
      assert.ok(caller.method === 'oidc');
      assert.equal(caller.subject, 'ada@example.com');
      assert.equal(caller.claims['email_verified'], 'true');
      await assert.rejects(authenticatorFor({ issuer: issuer.url }).authenticate(`Bearer ${token}`), {
        kind: 'Unauthenticated',
      });
    } finally {
      await issuer.stop();
    }
  });
});

describePeers([...apiserverRequirements], 'a token of a Kubernetes service account', () => {
  it('proves which one calls, with the authority and a token for the documents of the cluster', async () => {
    const [cluster, directory] = await Promise.all([startApiserver(), mkdtemp(join(tmpdir(), 'fairlead-issuers-'))]);
    try {
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'publisher' } };
      const accounts = '/api/v1/namespaces/default/serviceaccounts';
      await cluster.request('POST', accounts, account);
      const tokenFor = async (audiences: readonly string[]): Promise<string> => {
        const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences } };
        const { body } = await cluster.request('POST', `${accounts}/publisher/token`, asked);
        return (body as { readonly status: { readonly token: string } }).status.token;
      };
      const config = JSON.parse(await readFile(cluster.kubeconfig, 'utf8'));
      const certificateAuthority = join(directory, 'ca.crt');
      const tokenFile = join(directory, 'token');
      const pem = Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64');
      await writeFile(certificateAuthority, pem);
      await writeFile(tokenFile, `${await tokenFor(['https://kubernetes.default.svc'])}\n`);
      // The name of the issuer is that within the cluster.
      const issuer = { issuer: 'https://kubernetes.default.svc', url: cluster.url, certificateAuthority, tokenFile };
      const jwt = await tokenFor([audience]);
      const caller = await authenticatorFor(issuer).authenticate(`Bearer ${jwt}`);
      assert.ok(caller.method === 'oidc');
      assert.equal(caller.subject, 'system:serviceaccount:default:publisher');
      assert.equal(caller.claims['kubernetes.io/namespace'], 'default');
      const authorization = parseAuthorization(
        `apiVersion: fairlead.dev/v1
kind: Authorization
issuers: [{issuer: "https://kubernetes.default.svc"}]
rules:
  - issuer: https://kubernetes.default.svc
    claims: {kubernetes.io/namespace: default, kubernetes.io/serviceaccount/name: publisher}
    verbs: [publish]
    repositories: [registry.example.com/ci/*]
`,
        'authorization.yaml',
      );
      const reference = { registry: 'registry.example.com', repository: 'ci/nginx' };
      assert.ok(isAuthorized(authorization, caller, { verb: 'publish', reference }));

      for (const audiences of [['https://kubernetes.default.svc'], [audience, 'https://other.example.com']]) {
        const other = await tokenFor(audiences);
        await assert.rejects(authenticatorFor(issuer).authenticate(`Bearer ${other}`), { kind: 'Unauthenticated' });
      }
      const { tokenFile: _, ...withoutToken } = issuer;
      const { certificateAuthority: __, ...withoutAuthority } = issuer;
      for (const incomplete of [withoutToken, withoutAuthority]) {
        await assert.rejects(authenticatorFor(incomplete).authenticate(`Bearer ${jwt}`), {
          kind: 'Unavailable',
          retryAfter: 5,
        });
      }
    } finally {
      await cluster.stop();
      await rm(directory, { recursive: true });
    }
  });
});
