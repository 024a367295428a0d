import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { proxyFromEnvironment } from '#lib/network/proxy';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { memoryRepository } from '#lib/registry/memory';
import { type RemoteOptions, type RemoteRepository, remoteRepository } from '#lib/registry/remote/repository';
import { generateKeyPair, loadPrivateKey } from '#lib/trust/keys/key';
import { attachSignature } from '#lib/trust/sign/attach-signature';
import { copySigned } from '#lib/trust/sign/copy-signed';
import { keySigner } from '#lib/trust/sign/key-signer';
import { fetchSignatures } from '#lib/trust/verify/fetch-signatures';
import { verifySignatures } from '#lib/trust/verify/verify-signatures';
import { type Certificate, makeAuthority, makeCertificate } from '#test/peers/certificates';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';

const fast: RemoteOptions = { retry: { attempts: 1, delay: 1 } };
let directory: string;
let certs: string;
let count = 0;
const fresh = (): string => `test/r${count++}`;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'registry-hosts-'));
  certs = join(directory, 'certs.d');
});
after(() => rm(directory, { recursive: true }));

/** Writes the files of one registry below certs.d. */
async function configure(registry: string, files: Record<string, string>): Promise<void> {
  await rm(join(certs, registry), { recursive: true, force: true });
  await mkdir(join(certs, registry), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(certs, registry, name), content);
}

const image = manifest([], { annotations: { for: 'hosts' } });

describePeers(['docker-registry', 'openssl'], 'remoteRepository over TLS', () => {
  let registry: Registry;
  let mutual: Registry;
  let authority: Certificate;
  let client: Certificate;
  before(async () => {
    const place = join(directory, 'pki');
    await mkdir(place);
    authority = await makeAuthority(place, '/CN=fairlead test authority');
    const server = await makeCertificate(place, authority, {
      name: 'server',
      subject: '/CN=registry',
      serverNames: 'IP:127.0.0.1',
    });
    client = await makeCertificate(place, authority, { name: 'client', subject: '/CN=client' });
    registry = await startRegistry({ tls: server });
    mutual = await startRegistry({ tls: { ...server, clients: authority.certificateFile } });
  });
  after(async () => {
    await registry.stop();
    await mutual.stop();
  });
  const open = ({ host }: Registry) =>
    remoteRepository({ registry: host, repository: fresh() }, { ...fast, certsDirectories: [certs] });
  const works = async (target: ReturnType<typeof open>): Promise<void> => {
    await pushAll(target, [emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
  };

  it('trusts a private authority of Docker’s certs.d', async () => {
    await configure(registry.host, { 'ca.crt': authority.certificate });
    await works(open(registry));
  });

  it('trusts a private authority of a hosts.toml, by a relative path', async () => {
    const toml = `server = "https://${registry.host}"\nca = "authority.pem"\n`;
    await configure(registry.host, { 'hosts.toml': toml, 'authority.pem': authority.certificate });
    await works(open(registry));
  });

  it('uses HTTP/2 if the registry does, with many requests at once', async () => {
    await configure(registry.host, { 'ca.crt': authority.certificate });
    const target = open(registry);
    const before = (await readFile(registry.log, 'utf8')).length;
    const contents = Array.from({ length: 30 }, (_, n) => blob(randomBytes(100_000 + n)));
    await Promise.all(
      contents.map(async ({ descriptor, bytes }) => {
        const open = async () =>
          (async function* () {
            yield bytes.subarray(0, 50_000);
            yield bytes.subarray(50_000);
          })();
        await target.push(descriptor, open);
        assert(Buffer.from(bytes).equals(await fetchBytes(target, descriptor, { limit: 200_000 })));
      }),
    );
    const log = (await readFile(registry.log, 'utf8')).slice(before);
    assert.deepEqual(new Set(log.match(/HTTP\/[0-9.]+(?=" [0-9]{3} )/g)), new Set(['HTTP/2.0']));
  });

  it('refuses a certificate of an unknown authority, and reports it', async () => {
    await configure(registry.host, { 'hosts.toml': `server = "https://${registry.host}"` });
    await assert.rejects(open(registry).resolve('v1'), { kind: 'Unavailable', hint: /certificate is not trusted/ });
  });

  it('trusts any certificate if hosts.toml has skip_verify', async () => {
    await configure(registry.host, { 'hosts.toml': `server = "https://${registry.host}"\nskip_verify = true` });
    await works(open(registry));
  });

  it('presents its own certificate if the registry requires one', async () => {
    await configure(mutual.host, { 'ca.crt': authority.certificate });
    await assert.rejects(open(mutual).resolve('v1'), { kind: 'Unavailable' });
    await configure(mutual.host, {
      'ca.crt': authority.certificate,
      'client.cert': client.certificate,
      'client.key': client.key,
    });
    await works(open(mutual));
    const toml = `server = "https://${mutual.host}"\nca = ["ca.pem"]\nclient = [["client.pem", "key.pem"]]\n`;
    await configure(mutual.host, {
      'hosts.toml': toml,
      'ca.pem': authority.certificate,
      'client.pem': client.certificate,
      'key.pem': client.key,
    });
    await works(open(mutual));
  });

  it('names the file that is missing or wrong', async () => {
    await configure(registry.host, { 'hosts.toml': 'ca = "absent.pem"' });
    await assert.rejects(open(registry).resolve('v1'), { kind: 'InvalidInput', message: /absent\.pem/ });
    await configure(registry.host, { 'ca.crt': 'no certificate' });
    await assert.rejects(open(registry).resolve('v1'), { kind: 'InvalidInput', message: /ca\.crt: invalid PEM/ });
    await configure(registry.host, { 'hosts.toml': 'server = [' });
    await assert.rejects(open(registry).resolve('v1'), { kind: 'InvalidInput', message: /hosts\.toml: invalid TOML/ });
    await configure(registry.host, { 'hosts.toml': '[host."https://a.io"]\ncapabilities = ["fly"]' });
    await assert.rejects(open(registry).resolve('v1'), { kind: 'InvalidInput', message: /capabilities/ });
  });
});

describePeers(['docker-registry'], 'remoteRepository with mirrors', () => {
  let origin: Registry;
  let mirror: Registry;
  before(async () => {
    origin = await startRegistry();
    mirror = await startRegistry();
  });
  after(async () => {
    await origin.stop();
    await mirror.stop();
  });
  const requests = async ({ log }: Registry): Promise<string[]> =>
    [...(await readFile(log, 'utf8')).matchAll(/"((?:GET|HEAD|POST|PUT) \/v2\/test[^ ]*)/g)].map(
      ([, line]) => line ?? '',
    );
  const configureMirror = (capabilities: string, url = `http://${mirror.host}`) =>
    configure('registry.test', {
      'hosts.toml': `server = "http://${origin.host}"\n[host."${url}"]\n  capabilities = ${capabilities}\n  [host."${url}".header]\n    x-test = ["a", "b"]\n`,
    });
  const open = (repository: string, options: RemoteOptions = {}) =>
    remoteRepository({ registry: 'registry.test', repository }, { ...fast, certsDirectories: [certs], ...options });
  const put = async ({ host }: Registry, repository: string): Promise<void> => {
    const target = remoteRepository({ registry: host, repository });
    await pushAll(target, [emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
  };

  it('reads from the mirror, names the registry to it, and falls back to the registry', async () => {
    await configureMirror('["pull", "resolve"]');
    const [both, onlyOrigin] = [fresh(), fresh()];
    await put(mirror, both);
    await put(origin, onlyOrigin);
    assert.deepEqual(await open(both).resolve('v1'), image.descriptor);
    await fetchBytes(open(both), image.descriptor, { limit: 10_000 });
    assert.deepEqual(await requests(origin).then((lines) => lines.filter((line) => line.includes(`${both}/`))), []);
    assert((await requests(mirror)).some((line) => line.includes('?ns=registry.test')));
    assert.deepEqual(await open(onlyOrigin).resolve('v1'), image.descriptor);
    await fetchBytes(open(onlyOrigin), image.descriptor, { limit: 10_000 });
    await assert.rejects(open(fresh()).resolve('v1'), { kind: 'NotFound', message: new RegExp(origin.host) });
  });

  it('goes on without a mirror that is down', async () => {
    await configureMirror('["pull", "resolve"]', 'http://127.0.0.1:1');
    const repository = fresh();
    await put(origin, repository);
    assert.deepEqual(await open(repository).resolve('v1'), image.descriptor);
  });

  it('writes to the registry, and asks there what it has, if the mirror accepts no writes', async () => {
    await configureMirror('["pull", "resolve"]');
    const repository = fresh();
    await put(mirror, repository);
    const layer = blob('for the origin');
    await pushAll(open(repository), [layer, emptyConfig, image]);
    await open(repository).tag(image.descriptor, 'v2');
    const there = remoteRepository({ registry: origin.host, repository });
    assert.deepEqual(await there.resolve('v2'), image.descriptor);
    assert.equal(await there.exists(emptyConfig.descriptor), true);
  });

  it('asks the mirror only for digests, if it must not resolve tags', async () => {
    await configureMirror('["pull"]');
    const repository = fresh();
    await put(mirror, repository);
    await assert.rejects(open(repository).resolve('v1'), { kind: 'NotFound' });
    assert.deepEqual(await open(repository).resolve(image.descriptor.digest), image.descriptor);
  });

  for (const format of ['bundle', 'legacy'] as const) {
    it(`takes what the mirror alone has for no signature of the registry’s, and adds one: ${format}`, async () => {
      await configureMirror('["pull", "resolve"]');
      const repository = fresh();
      for (const registry of [origin, mirror]) await put(registry, repository);
      const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
      const reference = { registry: 'registry.test', repository };
      const request = { descriptor: image.descriptor, reference, signer, format };
      await attachSignature(remoteRepository({ registry: mirror.host, repository }), request);
      assert.equal((await attachSignature(open(repository), request)).alreadyThere, false);
      const there = remoteRepository({ registry: origin.host, repository });
      assert.equal((await fetchSignatures(there, image.descriptor)).length, 1);
      assert.equal((await attachSignature(open(repository), request)).alreadyThere, true);
    });
  }

  it('loses no signature of the registry’s to what a mirror has under the tag of cosign 2', async () => {
    await configureMirror('["pull", "resolve"]');
    const repository = fresh();
    for (const registry of [origin, mirror]) await put(registry, repository);
    const there = remoteRepository({ registry: origin.host, repository });
    const stale = remoteRepository({ registry: mirror.host, repository });
    const signing = async (target: RemoteRepository, reference = 'registry.test') => {
      const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
      const where = { registry: reference, repository };
      await attachSignature(target, { descriptor: image.descriptor, reference: where, signer, format: 'legacy' });
      return { anyOf: [{ key: 'k', publicKey: signer.key.publicKey }] };
    };
    const first = await signing(there);
    await signing(stale);
    const second = await signing(open(repository));
    const source = memoryRepository();
    await pushAll(source, [emptyConfig, image]);
    await source.tag(image.descriptor, 'v1');
    const signer = keySigner(await loadPrivateKey((await generateKeyPair()).privateKey));
    const reference = { registry: 'registry.test', repository };
    await attachSignature(source, { descriptor: image.descriptor, reference, signer, format: 'legacy' });
    await copySigned(source, open(repository), image.descriptor, { tags: ['v1'] });
    const third = { anyOf: [{ key: 'k', publicKey: signer.key.publicKey }] };
    const rule = { match: '**', unsigned: false, require: [first, second, third] };
    verifySignatures(image.descriptor, reference, await fetchSignatures(there, image.descriptor), rule);
  });

  it('keeps the registry’s credentials from the mirror', async () => {
    const seen: (string | undefined)[] = [];
    const greedy = createServer((request, response) => {
      seen.push(request.headers.authorization, request.headers['x-test'] as string | undefined);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="mirror"' }).end();
    });
    await new Promise<void>((resolve) => greedy.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(greedy.address() as AddressInfo).port}`;
    await configureMirror('["pull", "resolve"]', `http://${host}`);
    const repository = fresh();
    await put(origin, repository);
    const user = { username: 'u', password: 'a-secret' };
    const asked: string[] = [];
    await open(repository, { credentials: user }).resolve('v1');
    const byHost = async ({ registry }: { registry: string }) => {
      asked.push(registry);
      return registry === 'registry.test' ? user : undefined;
    };
    await open(repository, { credentials: byHost }).resolve('v1');
    greedy.closeAllConnections();
    greedy.close();
    assert.deepEqual(seen, [undefined, 'a, b', undefined, 'a, b']);
    assert(asked.includes(host));
  });
});

describePeers(['docker-registry'], 'remoteRepository through a proxy', () => {
  let registry: Registry;
  let proxy: Server;
  let url: string;
  const asked: string[] = [];
  before(async () => {
    registry = await startRegistry();
    // Only the proxy knows registry.test.
    proxy = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const { pathname, search } = new URL(request.url ?? '');
      const { method, headers } = request;
      const forwarded = httpRequest(
        { port: registry.port, host: '127.0.0.1', path: pathname + search, method, headers },
        (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        },
      );
      request.pipe(forwarded);
    });
    proxy.on('connect', (request, socket, head) => {
      asked.push(`CONNECT ${request.url}`);
      const upstream = connect(registry.port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  after(async () => {
    proxy.closeAllConnections();
    proxy.close();
    await registry.stop();
  });

  it('reaches a registry that only the proxy knows', async () => {
    const proxies = proxyFromEnvironment({ HTTP_PROXY: url, NO_PROXY: 'elsewhere.test' });
    const target = remoteRepository(
      { registry: 'registry.test:5000', repository: fresh() },
      { ...fast, plainHttp: true, proxy: proxies },
    );
    await pushAll(target, [emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert(
      asked.some((line) => line.includes('registry.test:5000')),
      asked.join(),
    );
  });

  it('asks Docker Hub at the host of its registry, by a tunnel, and adds nothing to the name', async () => {
    asked.length = 0;
    const proxies = proxyFromEnvironment({ HTTPS_PROXY: url });
    const target = remoteRepository({ registry: 'docker.io', repository: 'nginx' }, { ...fast, proxy: proxies });
    // The test's proxy has no TLS to offer.
    await assert.rejects(target.resolve('v1'), {
      kind: 'Unavailable',
      message: /HEAD https:\/\/registry-1\.docker\.io\/v2\/nginx\/manifests\/v1/,
    });
    assert.deepEqual(asked, ['CONNECT registry-1.docker.io:443']);
  });

  it('asks Docker Hub by whichever of its names, and takes the same hosts.toml for all of them', async () => {
    const proxies = proxyFromEnvironment({ HTTPS_PROXY: url });
    const hosts = ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Docker.IO:443'];
    const askedFor = async (registry: string): Promise<string[]> => {
      asked.length = 0;
      const target = remoteRepository(
        { registry, repository: 'nginx' },
        { ...fast, proxy: proxies, certsDirectories: [certs] },
      );
      await assert.rejects(target.resolve('v1'), { kind: 'Unavailable' });
      return [...asked];
    };
    for (const registry of hosts)
      assert.deepEqual(await askedFor(registry), ['CONNECT registry-1.docker.io:443'], registry);
    for (const directory of ['docker.io', 'index.docker.io', 'registry-1.docker.io']) {
      await configure(directory, { 'hosts.toml': '[host."https://mirror.test"]\n' });
      for (const registry of hosts) {
        const [first] = await askedFor(registry);
        assert.equal(first, 'CONNECT mirror.test:443', `${directory} ${registry}`);
      }
      await rm(join(certs, directory), { recursive: true });
    }
    await configure('mirrored.test', { 'hosts.toml': '[host."https://mirror.test"]\n' });
    for (const registry of ['mirrored.test', 'Mirrored.TEST:443'])
      assert.equal((await askedFor(registry))[0], 'CONNECT mirror.test:443', registry);
    await rm(join(certs, 'mirrored.test'), { recursive: true });
  });

  it('asks this machine, and what NO_PROXY names, without it', async () => {
    asked.length = 0;
    const proxies = proxyFromEnvironment({ http_proxy: url, no_proxy: 'registry.test' });
    const local = remoteRepository({ registry: registry.host, repository: fresh() }, { ...fast, proxy: proxies });
    await assert.rejects(local.resolve('v1'), { kind: 'NotFound' });
    const excluded = remoteRepository(
      { registry: 'registry.test:5000', repository: 'a' },
      { ...fast, plainHttp: true, proxy: proxies },
    );
    await assert.rejects(excluded.resolve('v1'), { kind: 'Unavailable' });
    assert.deepEqual(asked, []);
  });
});

describe('proxyFromEnvironment', () => {
  it('reads either letter case, and nothing if nothing is set', () => {
    assert.equal(proxyFromEnvironment({ NO_PROXY: '*' }), undefined);
    assert.deepEqual(proxyFromEnvironment({ https_proxy: 'http://a', HTTPS_PROXY: 'http://b' }), {
      http: undefined,
      https: 'http://a',
      noProxy: undefined,
    });
  });

  it('accepts a proxy without a scheme as curl does, and refuses anything but an HTTP proxy without showing it', () => {
    assert.equal(proxyFromEnvironment({ HTTP_PROXY: 'proxy.test:3128' })?.http, 'http://proxy.test:3128');
    for (const value of ['socks5://user:hunter2@proxy.test', 'http://', 'http://user:hunter2@[proxy'])
      assert.throws(
        () => proxyFromEnvironment({ HTTPS_PROXY: value }),
        (error: Error) => /^HTTPS_PROXY /.test(error.message) && !error.message.includes('hunter2'),
      );
  });
});
