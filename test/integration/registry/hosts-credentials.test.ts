import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { type RemoteOptions, remoteRepository } from '#lib/registry/remote/repository';
import { makeAuthority, makeCertificate } from '#test/peers/certificates';
import { describePeers } from '#test/peers/require';
import { answerManifest, image, listen } from '#test/support/faults/scripted-registry';

const user = { username: 'u', password: 'a-secret' };
let certs: string;
before(async () => {
  certs = await mkdtemp(join(tmpdir(), 'registry-hosts-credentials-'));
});
after(() => rm(certs, { recursive: true }));

/** A repository of `registry`, whose hosts are in a hosts.toml. */
async function open(registry: string, toml: string, options: RemoteOptions) {
  await mkdir(join(certs, registry), { recursive: true });
  await writeFile(join(certs, registry, 'hosts.toml'), toml);
  return remoteRepository(
    { registry, repository: 'team/a' },
    { retry: { attempts: 2, delay: 1 }, certsDirectories: [certs], ...options },
  );
}

/** A registry that requires authentication, and the requests. */
async function strict(answer?: RequestListener): Promise<{ host: string; seen: IncomingMessage[] }> {
  const seen: IncomingMessage[] = [];
  const host = await listen(
    createServer((request, response) => {
      seen.push(request);
      if (answer !== undefined) answer(request, response);
      else if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else answerManifest(response, request, image.bytes, image.descriptor.digest);
    }),
  );
  return { host, seen };
}

const sent = (seen: readonly IncomingMessage[]): unknown[] =>
  seen.map(({ headers }) => headers.authorization).filter((header) => header !== undefined);

describe('credentials, if hosts.toml specifies the hosts of a registry', () => {
  it('are sent to the registry itself, also if the file lists it as a host', async () => {
    const { host, seen } = await strict();
    for (const credentials of [
      user,
      async ({ registry }: { registry: string }) => (registry === host ? user : undefined),
    ]) {
      const target = await open(host, `[host."http://${host}"]\n`, { credentials });
      assert.deepEqual(await target.resolve('v1'), image.descriptor);
      assert(seen.every(({ url }) => !url?.includes('ns=')));
    }
  });

  it('do not go to a server of another name, which has its own', async () => {
    const { host, seen } = await strict();
    for (const credentials of [
      user,
      async ({ registry }: { registry: string }) => (registry === 'registry.test' ? user : undefined),
    ]) {
      const target = await open('registry.test', `server = "http://${host}"\n`, { credentials });
      await assert.rejects(target.resolve('v1'), { kind: 'Unauthenticated' });
    }
    assert.deepEqual(sent(seen), []);
    const own = async ({ registry }: { registry: string }) => (registry === host ? user : undefined);
    const target = await open('registry.test', `server = "http://${host}"\n`, { credentials: own });
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
  });

  it('are tried again at a server of another name, which is the last to be asked', async () => {
    let asked = 0;
    const { host } = await strict((request, response) => {
      if (++asked === 1) response.writeHead(503).end();
      else answerManifest(response, request, image.bytes, image.descriptor.digest);
    });
    const target = await open('registry.test', `server = "http://${host}"\n`, {});
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
  });

  it('and headers that it adds are sent to the host that it names, not to redirects', async () => {
    const seen: unknown[] = [];
    const storage = await listen(
      createServer((request, response) => {
        seen.push(request.headers['x-key']);
        response.end(image.bytes);
      }),
    );
    const { host } = await strict((request, response) => {
      seen.push(request.headers['x-key']);
      response.writeHead(307, { location: `http://${storage}/x` }).end();
    });
    const target = await open(
      'registry.test',
      `[host."http://${host}"]\n[host."http://${host}".header]\nx-key = "k"\n`,
      {},
    );
    await fetchBytes(target, { ...image.descriptor, mediaType: 'a/blob' }, { limit: 10_000 });
    assert.deepEqual(seen, ['k', undefined]);
  });

  it('are exchanged for a token of the repository’s name there, below the path of a proxy', async () => {
    const scopes: (string | null)[] = [];
    const { host, seen } = await strict((request, response) => {
      const url = new URL(request.url ?? '', `http://${request.headers.host}`);
      if (url.pathname === '/token') {
        scopes.push(url.searchParams.get('scope'));
        response.end(JSON.stringify({ token: 'abc' }));
      } else if (request.headers.authorization === undefined) {
        const challenge = `Bearer realm="http://${request.headers.host}/token",service="s",scope="repository:hub/team/a:pull"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
      } else answerManifest(response, request, image.bytes, image.descriptor.digest);
    });
    const target = await open('registry.test', `[host."http://${host}/v2/hub"]\n  override_path = true\n`, {});
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert.deepEqual(scopes, ['repository:hub/team/a:pull']);
    assert.match(seen.at(-1)?.url ?? '', /^\/v2\/hub\/team\/a\/manifests\/v1\?ns=registry\.test$/);
  });
});

it('does not ask a mirror again for a while that was out of reach', async () => {
  let connections = 0;
  const broken = await listen(
    createTcpServer((socket) => {
      connections++;
      socket.destroy();
    }),
  );
  const { host } = await strict((request, response) =>
    answerManifest(response, request, image.bytes, image.descriptor.digest),
  );
  const target = await open('resting.test', `server = "http://${host}"\n[host."http://${broken}"]\n`, {});
  for (let n = 0; n < 3; n++) assert.deepEqual(await target.resolve('v1'), image.descriptor);
  assert.equal(connections, 1);
});

describePeers(['openssl'], 'client certificates', () => {
  it('are presented to the host that they are for, not to its redirects', async () => {
    const place = await mkdtemp(join(tmpdir(), 'registry-client-certificates-'));
    const authority = await makeAuthority(place, '/CN=fairlead test authority');
    const server = await makeCertificate(place, authority, {
      name: 'server',
      subject: '/CN=registry',
      serverNames: 'IP:127.0.0.1',
    });
    const client = await makeCertificate(place, authority, { name: 'client', subject: '/CN=client' });
    const shown: string[] = [];
    const start = (name: string, answer: RequestListener) => {
      const tls = { cert: server.certificate, key: server.key, ca: authority.certificate };
      return listen(
        createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
          const { subject } = (request.socket as TLSSocket).getPeerCertificate();
          shown.push(`${name} ${subject?.CN ?? 'anonymous'}`);
          answer(request, response);
        }),
      );
    };
    const storage = await start('storage', (_request, response) => response.end(image.bytes));
    const host = await start('registry', (_request, response) =>
      response.writeHead(307, { location: `https://${storage}/x` }).end(),
    );
    await mkdir(join(certs, host));
    await writeFile(join(certs, host, 'ca.crt'), authority.certificate);
    await writeFile(join(certs, host, 'client.cert'), client.certificate);
    await writeFile(join(certs, host, 'client.key'), client.key);
    const target = remoteRepository({ registry: host, repository: 'a' }, { certsDirectories: [certs] });
    await fetchBytes(target, { ...image.descriptor, mediaType: 'a/blob' }, { limit: 10_000 });
    assert.deepEqual(shown, ['registry client', 'storage anonymous']);
    await rm(place, { recursive: true });
  });
});

it('reads a hosts.toml again that was not right when it was read first', async () => {
  const { host } = await strict();
  const target = await open('repaired.test', 'server = [', { credentials: async () => user });
  await assert.rejects(target.resolve('v1'), { kind: 'InvalidInput', message: /invalid TOML/ });
  await writeFile(join(certs, 'repaired.test', 'hosts.toml'), `server = "http://${host}"\n`);
  assert.deepEqual(await target.resolve('v1'), image.descriptor);
});
