import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FairleadError } from '#lib/errors';
import { copy } from '#lib/registry/copy';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { remoteCatalog } from '#lib/registry/remote/catalog';
import { checkLogin } from '#lib/registry/remote/check-login';
import { type RemoteOptions, remoteRepository } from '#lib/registry/remote/repository';
import { makeAuthority } from '#test/peers/certificates';
import { temporaryFolder } from '#test/peers/program';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { startTokenServer, type TokenServer } from '#test/peers/token-server';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';
import { targetContract } from '#test/support/contract/target';

const user = { username: 'ci', password: 'a-secret:with-colon' };
const fast = { retry: { attempts: 2, delay: 1 } };
let count = 0;
const fresh = (): string => `test/r${count++}`;

/** Everything that an error would show to people or logs. */
function shown(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    parts.push(at.message, at.stack ?? '', JSON.stringify(at));
  return parts.join('\n');
}

describePeers(['docker-registry'], 'remoteRepository with Basic authentication', () => {
  let registry: Registry;
  before(async () => {
    registry = await startRegistry({ user });
  });
  after(() => registry.stop());
  const open = (credentials?: RemoteOptions['credentials']) =>
    remoteRepository({ registry: registry.host, repository: fresh() }, { credentials, ...fast });

  targetContract(() => open(user));

  it('is refused without credentials and with wrong ones, and shows none of them', async () => {
    await assert.rejects(open().resolve('v1'), { kind: 'Unauthenticated', hint: /Log in/ });
    await assert.rejects(open({ username: 'ci', password: 'wrong-secret' }).resolve('v1'), (error: FairleadError) => {
      assert.equal(error.kind, 'Unauthenticated');
      assert.doesNotMatch(shown(error), /wrong-secret|d3Jvbmc|Basic /);
      return true;
    });
  });

  it('asks a credential source by registry and repository, once', async () => {
    const asked: unknown[] = [];
    const repository = fresh();
    const target = remoteRepository(
      { registry: registry.host, repository },
      {
        credentials: async (name) => {
          asked.push(name);
          return user;
        },
      },
    );
    await pushAll(target, [emptyConfig, manifest([])]);
    assert.deepEqual(asked, [{ registry: registry.host, repository }]);
  });
});

describePeers(['docker-registry', 'openssl'], 'remoteRepository with Bearer tokens', () => {
  let registry: Registry;
  let tokens: TokenServer;
  let directory: string;
  const lifetime = { told: 300, real: 300 };
  before(async () => {
    directory = temporaryFolder('token');
    const signer = await makeAuthority(directory, '/CN=fairlead-test-tokens');
    const shared = { service: 'registry.test', issuer: 'issuer.test' };
    tokens = await startTokenServer({
      ...shared,
      signer,
      user,
      identityToken: 'an-identity-token',
      publicRepositories: ['public/profile'],
      lifetime,
    });
    registry = await startRegistry({ token: { ...shared, realm: tokens.realm, certificate: signer.certificate } });
  });
  after(async () => {
    await registry.stop();
    await tokens.stop();
    await rm(directory, { recursive: true });
  });
  const open = (credentials?: RemoteOptions['credentials'], repository = fresh()) =>
    remoteRepository({ registry: registry.host, repository }, { credentials, ...fast });

  describe('by user and password', () => targetContract(() => open(user)));
  describe('by identity token', () => targetContract(() => open({ identityToken: 'an-identity-token' })));

  it('verifies user and password of a login, and reports other faults if it cannot', async () => {
    await checkLogin(registry.host, { credentials: user, ...fast });
    const wrong = { kind: 'Unauthenticated', message: `${registry.host} does not accept this user name and password` };
    for (const who of [
      { ...user, password: 'b' },
      { ...user, username: 'b' },
    ])
      await assert.rejects(checkLogin(registry.host, { credentials: who, ...fast }), wrong);
    await assert.rejects(checkLogin('127.0.0.1:1', { credentials: user, ...fast }), { kind: 'Unavailable' });
  });

  it('pulls what is public without credentials, and may not push it', async () => {
    const image = manifest([]);
    const owner = open(user, 'public/profile');
    await pushAll(owner, [emptyConfig, image]);
    await owner.tag(image.descriptor, 'v1');
    const anyone = open(undefined, 'public/profile');
    assert.deepEqual(await anyone.resolve('v1'), image.descriptor);
    const other = blob('not mine to push');
    await assert.rejects(anyone.push(other.descriptor, other.bytes), { kind: 'Unauthenticated' });
  });

  it('asks for one token per scope, and no more', async () => {
    const target = open(user);
    const image = manifest([], { annotations: { only: 'once' } });
    tokens.log.length = 0;
    await pushAll(target, [emptyConfig, image]);
    await Promise.all([target.resolve(image.descriptor.digest), target.resolve(image.descriptor.digest)]);
    await fetchBytes(target, image.descriptor, { limit: 10_000 });
    assert.equal(new Set(tokens.log).size, tokens.log.length, tokens.log.join('\n'));
    assert(tokens.log.length <= 2, tokens.log.join('\n'));
  });

  it('takes blobs over from another repository with one token for both, and lists repositories', async () => {
    const [source, target] = [open(user), open(user)];
    const layer = blob('to be mounted');
    const image = manifest([layer]);
    await pushAll(source, [layer, emptyConfig, image]);
    tokens.log.length = 0;
    const how: string[] = [];
    await copy(source, target, image.descriptor.digest, {
      withReferrers: false,
      onContent: (_, kind) => how.push(kind),
    });
    assert.deepEqual(how.sort(), ['mounted', 'mounted', 'sent']);
    const both = [`repository:${source.repository}:pull`, `repository:${target.repository}:pull,push`].sort();
    assert(tokens.log.includes(`GET ci ${both.join(' ')}`), tokens.log.join('\n'));
    const names: string[] = [];
    for await (const name of remoteCatalog(registry.host, { credentials: user })) names.push(name);
    assert(names.includes(target.repository));
  });

  it('takes a new token when the old one has expired by its own word', async () => {
    lifetime.told = 0;
    lifetime.real = 300;
    const target = open(user);
    await target.exists(emptyConfig.descriptor);
    tokens.log.length = 0;
    await target.exists(emptyConfig.descriptor);
    assert.equal(tokens.log.length, 1);
    lifetime.told = 300;
  });

  it('takes a new token when the registry refuses one that should still be good', async () => {
    // distribution grants 60 s of leeway to clocks.
    lifetime.real = -58;
    const target = open(user);
    await target.exists(emptyConfig.descriptor);
    await delay(2100);
    lifetime.real = 300;
    tokens.log.length = 0;
    await target.exists(emptyConfig.descriptor);
    assert.equal(tokens.log.length, 1);
  });

  it('is refused by the token service, and shows no secret', async () => {
    for (const wrong of [{ username: 'ci', password: 'wrong-secret' }, { identityToken: 'wrong-secret' }]) {
      await assert.rejects(open(wrong).resolve('v1'), (error: FairleadError) => {
        assert.equal(error.kind, 'Unauthenticated');
        assert.match(error.message, /\/token/);
        assert.doesNotMatch(shown(error), /wrong-secret|d3Jvbmc/);
        return true;
      });
    }
  });
});

/** A server of the test that answers as it likes and notes what it was sent. */
async function startServer(
  listener: RequestListener,
): Promise<{ host: string; seen: IncomingMessage[]; server: Server }> {
  const seen: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    seen.push(request);
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, seen, server };
}

describe('remoteRepository keeps credentials to their host', () => {
  const servers: Server[] = [];
  const start = async (listener: RequestListener) => {
    const started = await startServer(listener);
    servers.push(started.server);
    return started;
  };
  after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });
  const content = blob('behind a redirect');

  it('follows a redirect to another host without them', async () => {
    const storage = await start((_request, response) => response.end(content.bytes));
    const registry = await start((request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else response.writeHead(307, { location: `http://u:p@${storage.host}/signed?secret=x` }).end();
    });
    const target = remoteRepository({ registry: registry.host, repository: 'a' }, { credentials: user, ...fast });
    assert.deepEqual(await fetchBytes(target, content.descriptor, { limit: 100 }), content.bytes);
    assert.equal(registry.seen.at(-1)?.headers.authorization?.startsWith('Basic '), true);
    assert.equal(storage.seen.length, 1);
    assert.equal(storage.seen[0]?.headers.authorization, undefined);
    assert.equal(storage.seen[0]?.headers.cookie, undefined);
  });

  it('does not answer a challenge of the host that it was sent on to', async () => {
    const storage = await start((_request, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(),
    );
    const registry = await start((_request, response) =>
      response.writeHead(302, { location: `http://${storage.host}/x` }).end(),
    );
    const target = remoteRepository({ registry: registry.host, repository: 'a' }, { credentials: user, ...fast });
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 100 }), { kind: 'Unauthenticated' });
    assert.equal(storage.seen.length, 1);
    assert.equal(storage.seen[0]?.headers.authorization, undefined);
  });

  it('sends an upload to another host without them', async () => {
    const storage = await start((request, response) => request.resume().on('end', () => response.writeHead(201).end()));
    const registry = await start((request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      else if (request.method === 'HEAD') response.writeHead(404).end();
      else response.writeHead(202, { location: `http://${storage.host}/upload` }).end();
    });
    const target = remoteRepository({ registry: registry.host, repository: 'a' }, { credentials: user, ...fast });
    await target.push(content.descriptor, content.bytes);
    assert.equal(storage.seen[0]?.method, 'PUT');
    assert.equal(storage.seen[0]?.headers.authorization, undefined);
  });

  const refusedRealms: [string, string][] = [
    ['over plain HTTP on another host', 'http://192.0.2.1/token'],
    ['over plain HTTP by name', 'http://auth.example.com/token'],
    ['over HTTPS on another domain', 'https://evil.example.com/token'],
    ['that is no URL', 'token'],
    ['of another scheme', 'file:///etc/passwd'],
    ['with a user in it', 'https://u:p@127.0.0.1/token'],
  ];
  for (const [title, realm] of refusedRealms) {
    it(`does not ask a token service ${title}`, async () => {
      const registry = await start((_request, response) =>
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }).end(),
      );
      const target = remoteRepository({ registry: registry.host, repository: 'a' }, { credentials: user, ...fast });
      await assert.rejects(target.resolve('v1'), (error: FairleadError) => {
        assert.match(error.kind, /^(NotAllowed|Unauthenticated)$/);
        assert.doesNotMatch(shown(error), /a-secret/);
        return true;
      });
    });
  }

  it('ignores what a challenge asks for beyond the repository', async () => {
    const service = await start((_request, response) => response.end(JSON.stringify({ token: 'abc' })));
    const scope = 'repository:victim/secret:pull,push registry:catalog:*';
    const registry = await start((request, response) => {
      const authenticate = `Bearer realm="http://${service.host}/token",service="s",scope="${scope}"`;
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': authenticate }).end();
      else response.writeHead(404).end();
    });
    const target = remoteRepository({ registry: registry.host, repository: 'a' }, { credentials: user, ...fast });
    await assert.rejects(target.resolve('v1'), { kind: 'NotFound' });
    assert.deepEqual(new URL(service.seen[0]?.url ?? '', 'http://x').searchParams.getAll('scope'), [
      'repository:a:pull',
    ]);
  });

  it('refuses a token that would forge headers, and an invalid answer', async () => {
    for (const answer of [{ token: 'a\r\nx: y' }, { token: '' }, {}, [], 'no']) {
      const service = await start((_request, response) => response.end(JSON.stringify(answer)));
      const registry = await start((_request, response) =>
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${service.host}/token",service="s"` })
          .end(),
      );
      const target = remoteRepository({ registry: registry.host, repository: 'a' }, fast);
      await assert.rejects(target.resolve('v1'), { kind: 'Unauthenticated' });
    }
  });

  it('speaks plain HTTP to this machine only', async () => {
    const target = remoteRepository(
      { registry: '192.0.2.1:5000', repository: 'a' },
      { ...fast, timeouts: { connect: 50 } },
    );
    await assert.rejects(target.resolve('v1'), { kind: 'Unavailable', message: /https:\/\/192\.0\.2\.1:5000/ });
    const registry = await start((_request, response) =>
      response.writeHead(302, { location: 'http://192.0.2.1/x' }).end(),
    );
    const local = remoteRepository({ registry: registry.host, repository: 'a' }, fast);
    await assert.rejects(fetchBytes(local, content.descriptor, { limit: 100 }), {
      kind: 'NotAllowed',
      message: /not HTTPS/,
    });
  });
});
