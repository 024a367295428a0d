import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { getEventListeners, once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { layoutRepository } from '#lib/registry/layout/repository';
import { remoteRepository } from '#lib/registry/remote/repository';
import { blob } from '#test/support/contract/content';
import { answerManifest, image, serve } from '#test/support/faults/scripted-registry';

/** More than what is read into memory before it is sent. */
const large = blob(randomBytes(3_000_000));

/** A port of this machine without a listener. */
async function deadPort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const openFiles = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

describe('a push that cannot be sent', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'registry-leaks-'));
    await writeFile(join(directory, 'large'), large.bytes);
  });
  after(() => rm(directory, { recursive: true }));

  /** A registry that begins uploads at a URL without a listener. */
  const unreachable = async () => {
    const port = await deadPort();
    return serve((request, response) => {
      if (request.method === 'POST') response.writeHead(202, { location: `http://127.0.0.1:${port}/upload` }).end();
      else response.writeHead(404).end();
    });
  };

  it('leaves no file open', async () => {
    const { target } = await unreachable();
    const push = () =>
      assert.rejects(
        target.push(large.descriptor, async () => createReadStream(join(directory, 'large'))),
        { kind: 'Unavailable' },
      );
    await push();
    await delay(50);
    const before = await openFiles();
    for (let n = 0; n < 3; n++) await push();
    await delay(50);
    assert((await openFiles()) <= before, `${await openFiles()} files are open after ${before}`);
  });

  it('leaves no connection to its source busy, to a registry or to a disk that is not writable', async () => {
    const { target } = await unreachable();
    const { target: source } = await serve((request, response) => {
      if (request.url?.includes('/manifests/')) answerManifest(response, request, image.bytes, image.descriptor.digest);
      else response.writeHead(200, { 'content-length': large.bytes.length }).end(large.bytes);
    });
    await writeFile(join(directory, 'file'), '');
    const disk = layoutRepository(join(directory, 'file'), 'a');
    for (const place of [target, disk]) {
      const pushes = Array.from({ length: 20 }, () =>
        assert.rejects(
          place.push(large.descriptor, () => source.fetch(large.descriptor)),
          { kind: 'Unavailable' },
        ),
      );
      await Promise.all(pushes);
    }
    assert.deepEqual(await source.resolve('v1', { signal: AbortSignal.timeout(3000) }), image.descriptor);
  });
});

describe('a signal that outlives many calls', () => {
  it('has no listeners of calls that ended', async () => {
    const { target } = await serve((request, response) => {
      if (request.url?.endsWith('/absent')) response.writeHead(404).end('{}');
      else answerManifest(response, request, image.bytes, image.descriptor.digest);
    });
    const { signal } = new AbortController();
    for (let n = 0; n < 5; n++) {
      await target.resolve('v1', { signal });
      await fetchBytes(target, image.descriptor, { limit: 10_000, signal });
      await assert.rejects(target.resolve('absent', { signal }), { kind: 'NotFound' });
      for await (const _ of await target.fetch(image.descriptor, { signal })) break;
    }
    await delay(50);
    assert.deepEqual(getEventListeners(signal, 'abort'), []);
  });
});

describe('a body that is not read', () => {
  it('keeps no connection busy, in a challenge or in the answer of a mirror', { timeout: 10_000 }, async () => {
    const { host } = await serve((request, response) => {
      if (request.headers.authorization === undefined)
        response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end(large.bytes);
      else if (request.url?.includes('/manifests/v1')) answerManifest(response, request, image.bytes);
      else response.writeHead(404).end(large.bytes);
    });
    const certs = await mkdtemp(join(tmpdir(), 'registry-leaks-certs-'));
    await mkdir(join(certs, 'registry.test'));
    const toml = `server = "http://${host}"\n[host."http://${host}/v2/mirror"]\noverride_path = true\n`;
    await writeFile(join(certs, 'registry.test', 'hosts.toml'), toml);
    const credentials = async () => ({ username: 'u', password: 'p' });
    for (let n = 0; n < 20; n++) {
      const target = remoteRepository(
        { registry: 'registry.test', repository: 'a' },
        { certsDirectories: [certs], credentials, retry: { attempts: 1 } },
      );
      assert.deepEqual((await target.resolveManifest('v1')).descriptor, image.descriptor);
      assert.deepEqual(await target.referrers(image.descriptor), []);
    }
    await rm(certs, { recursive: true });
  });

  it('is abandoned if it does not end', async () => {
    const drops: NodeJS.Timeout[] = [];
    const { target } = await serve((request, response) => {
      if (request.url?.endsWith('/there')) {
        response.end(large.bytes);
        return;
      }
      response.writeHead(307, { location: '/there' });
      response.flushHeaders();
      drops.push(setInterval(() => response.write('.'), 20));
    });
    const began = performance.now();
    await fetchBytes(target, large.descriptor, { limit: 3_000_000 });
    const took = performance.now() - began;
    for (const drop of drops) clearInterval(drop);
    assert(took < 5000, `${took} ms`);
  });
});
