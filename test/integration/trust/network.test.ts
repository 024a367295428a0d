import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import type { NetworkOptions } from '#lib/network/network-options';
import { serviceClient } from '#lib/network/service-client';
import { type Descriptor, mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { readTrustedRoot } from '#lib/trust/roots/read-trusted-root';
import { keylessSigner } from '#lib/trust/sign/keyless-signer';
import { signArtifact } from '#lib/trust/sign/sign-artifact';
import { ambientToken } from '#lib/trust/sigstore/identity-token';
import { fetchTufTarget } from '#lib/trust/sigstore/tuf-target';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { describePeers } from '#test/peers/require';
import { type Finished, runFairlead } from '#test/support/cli/run';
import { type PrivateSigstore, privateSigstore } from '#test/support/sigstore/private-sigstore';
import { identityToken, type SigstoreServer, serveSigstore } from '#test/support/sigstore/sigstore-server';
import { startTufRepository, type TufServer } from '#test/support/sigstore/tuf-repository';

/**
 * A host that no name service knows, with a certificate of an authority that no system trusts: only
 * the proxy leads there.
 */
const host = 'sigstore.test';
const artifact: Descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(Buffer.from('artifact')), size: 8 };

describePeers(['openssl'], 'the services behind signatures, behind a proxy and a private authority', () => {
  let folder: string;
  let sigstore: PrivateSigstore;
  let services: SigstoreServer;
  let tuf: TufServer;
  let front: Server;
  let proxy: Server;
  let proxied: string[];
  let signingConfig: object;
  let network: NetworkOptions;
  let authorityFile: string;

  const portOf = (server: Server): number => (server.address() as AddressInfo).port;
  const listening = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trust-network-'));
    sigstore = await privateSigstore();
    services = await serveSigstore(sigstore, { rekor: 2 });
    tuf = await startTufRepository({ 'trusted_root.json': JSON.stringify(sigstore.trustedRoot) });
    const [{ url: backend }] = (services.signingConfig as { caUrls: [{ url: string }] }).caUrls;
    signingConfig = JSON.parse(JSON.stringify(services.signingConfig).replaceAll(backend, `https://${host}`));

    const authority = await makeAuthority(folder, '/O=Test/CN=Authority');
    const { certificate, key } = await makeCertificate(folder, authority, {
      name: host,
      subject: `/CN=${host}`,
      serverNames: `DNS:${host}`,
    });
    authorityFile = authority.certificateFile;
    await mkdir(join(folder, 'certs.d', host), { recursive: true });
    await writeFile(join(folder, 'certs.d', host, 'ca.crt'), authority.certificate);

    front = createTlsServer({ cert: certificate, key }, (incoming, response) => {
      if (incoming.url?.startsWith('/github')) {
        const known = incoming.headers.authorization === 'Bearer request-secret';
        response.writeHead(known ? 200 : 403).end(JSON.stringify({ value: token() }));
        return;
      }
      const target = incoming.url?.startsWith('/tuf') ? tuf.url : backend;
      const path = incoming.url?.replace(/^\/tuf/, '') ?? '';
      const { method, headers } = incoming;
      incoming.pipe(
        request(target + path, { method, headers }, (answer: IncomingMessage) => {
          answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers));
        }),
      );
    });
    await listening(front);
    proxied = [];
    proxy = createServer((_request, response) => response.writeHead(405).end());
    proxy.on('connect', ({ url = '' }: IncomingMessage, socket, head) => {
      proxied.push(url);
      const upstream = connect(portOf(front), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        upstream.write(head);
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await listening(proxy);
    network = {
      proxy: { https: `http://127.0.0.1:${portOf(proxy)}` },
      certsDirectories: [join(folder, 'certs.d')],
      retry: { attempts: 1 },
    };
  });
  after(async () => {
    for (const server of [front, proxy]) {
      server.closeAllConnections();
      server.close();
    }
    await services.stop();
    await tuf.stop();
    await rm(folder, { recursive: true });
  });

  const token = (): string => identityToken('https://issuer.example', 'me@acme.example');
  const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));

  it('are reached through the proxy, and trusted by certs.d, as registries are', async () => {
    const trustedRoot = readTrustedRoot(json(sigstore.trustedRoot));
    const signer = await keylessSigner({ signingConfig: json(signingConfig), token: token(), trustedRoot, network });
    await signArtifact(artifact, signer);
    const env = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `https://${host}/github?a=b`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
    };
    const run = (): never => assert.fail('nothing is to be run');
    assert.match((await ambientToken({ env, run, send: serviceClient(network) })) ?? '', /^ey/);
    const surroundings = { cacheDirectory: join(folder, 'cache'), now: Date.now, network };
    const repository = { mirror: `https://${host}/tuf`, root: tuf.root };
    const target = await fetchTufTarget(repository, 'trusted_root.json', surroundings);
    assert.deepEqual(Buffer.from(target), json(sigstore.trustedRoot));
    assert.ok(proxied.length > 0 && proxied.every((each) => each === `${host}:443`), proxied.join());
  });

  it('are out of reach without the proxy, and not trusted without the authority', async () => {
    for (const worse of [
      { ...network, proxy: undefined },
      { ...network, certsDirectories: [] },
    ]) {
      const signer = await keylessSigner({ signingConfig: json(signingConfig), token: token(), network: worse });
      await assert.rejects(signArtifact(artifact, signer), { kind: 'Unavailable', message: /sigstore\.test/ });
      const surroundings = { cacheDirectory: join(folder, 'other-cache'), now: Date.now, network: worse };
      const repository = { mirror: `https://${host}/tuf`, root: tuf.root };
      await assert.rejects(fetchTufTarget(repository, 'trusted_root.json', surroundings), { kind: 'Unavailable' });
    }
  });

  it('are so for the commands by HTTPS_PROXY alone', async () => {
    const files = {
      'profile.json': '{"defaultAction":"SCMP_ACT_ERRNO"}',
      'signing.json': JSON.stringify(signingConfig),
      'root.json': tuf.root,
      'policy.yaml': `apiVersion: fairlead.dev/v1
kind: TrustPolicy
trustedRoot: {tuf: "https://${host}/tuf", root: root.json}
rules:
  - match: localhost/security/*
    require: [{keyless: {issuer: https://issuer.example, identity: me@acme.example}}]
`,
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    const fairlead = (args: readonly string[], more: Record<string, string> = {}): Promise<Finished> => {
      const env = { NODE_EXTRA_CA_CERTS: authorityFile, XDG_CACHE_HOME: join(folder, 'home'), ...more };
      return runFairlead([...args, '--oci-layout', 'registry'], { cwd: folder, env });
    };
    const proxies = { HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}` };
    const reference = 'localhost/security/nginx:1';
    const push = ['push', 'profile.json', reference, '--keyless', '--signing-config', 'signing.json'];
    const github = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `https://${host}/github?a=b`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'request-secret',
    };
    const pushed = await fairlead(push, { ...proxies, ...github });
    assert.equal(pushed.code, 0, pushed.stderr);
    const verify = ['verify', reference, '--policy', 'policy.yaml'];
    const refused = await fairlead(verify, {});
    assert.equal(refused.code, 8, refused.stderr);
    const verified = await fairlead(verify, proxies);
    assert.equal(verified.code, 0, verified.stderr);
  });
});
