import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, it } from 'node:test';
import { defaultPublicationLimits } from '#lib/profile/publication-limits';
import { remoteRepository } from '#lib/registry/remote/repository';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { keySigner } from '#lib/trust/sign/key-signer';
import { publish } from '#services/push/publish';
import { publishTogether } from '#services/push/publish-together';
import { type Refreg, startRefreg } from '#test/peers/refreg';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';

const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
const policy = {
  source: 'policy.yaml',
  revision: '1',
  rules: [{ match: '**', unsigned: false, require: [{ anyOf: [{ key: 'a.pub', publicKey: signer.key.publicKey }] }] }],
};
const profile = (call: string): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({ defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names: [call], action: 'SCMP_ACT_ALLOW' }] }),
  );

/**
 * A proxy on loopback that notes the requests for a registry. Answers `OCI-Subject` in its place,
 * as registries with the referrers API do and refreg does not.
 */
async function startCounter(host: string) {
  const requests: string[] = [];
  const forward = (asked: IncomingMessage, response: ServerResponse): void => {
    const { method = '', url: path = '', headers } = asked;
    requests.push(`${method} ${path.replace(/^\/v2\/[^/]+\//, '').replace(/[/?].*/, '')}`);
    const pieces: Buffer[] = [];
    asked.on('data', (piece: Buffer) => pieces.push(piece));
    asked.on('end', () => {
      const body = Buffer.concat(pieces);
      const isManifest = method === 'PUT' && path.includes('/manifests/');
      const subject = isManifest ? JSON.parse(body.toString()).subject?.digest : undefined;
      const forwarded = send(`http://${host}${path}`, { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 500, { ...answer.headers, ...(subject && { 'oci-subject': subject }) });
        answer.pipe(response);
      });
      forwarded.end(body);
    });
  };
  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop(): Promise<unknown> {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Publishes a signed profile as a new client, and returns the requests that it sent. */
async function requestsOf(
  { host, requests }: Awaited<ReturnType<typeof startCounter>>,
  bytes: Uint8Array,
): Promise<readonly string[]> {
  const reference = { registry: host, repository: 'nginx', tag: '1' };
  requests.length = 0;
  const target = remoteRepository(reference);
  const limits = defaultPublicationLimits;
  await publish(bytes, { reference }, { target, signer, policy, limits, clock: () => new Date() });
  return requests.toSorted();
}

describePeers(['refreg'], 'publishing to a registry with the referrers API', () => {
  let registry: Refreg;
  let counter: Awaited<ReturnType<typeof startCounter>>;
  before(async () => {
    registry = await startRefreg();
    counter = await startCounter(registry.host);
  });
  after(async () => {
    await counter.stop();
    await registry.stop();
  });

  it('takes nine requests for a signed profile in an empty repository, and six if it is there', async () => {
    assert.deepEqual(await requestsOf(counter, profile('read')), [
      ...['GET referrers', 'GET referrers', 'HEAD manifests', 'POST blobs', 'POST blobs', 'POST blobs'],
      ...['PUT manifests', 'PUT manifests', 'PUT manifests'],
    ]);
    assert.deepEqual(await requestsOf(counter, profile('read')), [
      ...['GET blobs', 'GET manifests', 'GET referrers', 'HEAD blobs', 'HEAD blobs', 'HEAD manifests'],
    ]);
  });

  it('takes ten for each of several profiles that are published together', async () => {
    counter.requests.length = 0;
    const publications = ['read', 'write'].map((call) => {
      const reference = { registry: counter.host, repository: call, tag: '1' };
      return {
        name: call,
        read: async () => profile(call),
        request: { reference },
        dependencies: {
          ...{ target: remoteRepository(reference), signer, policy, limits: defaultPublicationLimits },
          clock: () => new Date(),
        },
      };
    });
    await publishTogether(publications);
    assert.equal(counter.requests.length, 20);
  });
});

describePeers(['docker-registry'], 'publishing to a registry without the referrers API', () => {
  let registry: Registry;
  let counter: Awaited<ReturnType<typeof startCounter>>;
  before(async () => {
    registry = await startRegistry();
    counter = await startCounter(registry.host);
  });
  after(async () => {
    await counter.stop();
    await registry.stop();
  });

  it('takes fifteen, with two for each blob and a list under a tag, and seven if the profile is there', async () => {
    assert.equal((await requestsOf(counter, profile('read'))).length, 15);
    assert.equal((await requestsOf(counter, profile('read'))).length, 7);
  });
});
