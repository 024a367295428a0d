import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { remoteRepository } from '#lib/registry/remote/repository';
import { type Registry, startRegistry } from '#test/peers/registry';
import { describePeers } from '#test/peers/require';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';
import { startRefusingProxy } from '#test/support/faults/http-proxy';
import { type FaultProxy, startFaultProxy } from '#test/support/faults/tcp-proxy';

const size = 4_000_000;
const limit = 20_000_000;
const quick = { retry: { attempts: 4, delay: 5 }, timeouts: { connect: 500, headers: 2000, body: 500 } };
let count = 0;
const fresh = (): string => `test/r${count++}`;

describePeers(['docker-registry'], 'remoteRepository over a connection that breaks', () => {
  let registry: Registry;
  let proxy: FaultProxy;
  before(async () => {
    registry = await startRegistry();
    proxy = await startFaultProxy(registry.port);
  });
  after(async () => {
    await proxy.stop();
    await registry.stop();
  });
  const open = (host: string, repository: string) => remoteRepository({ registry: host, repository }, quick);

  it('completes an upload that is cut at every tenth', async () => {
    for (let tenth = 0; tenth <= 10; tenth++) {
      const repository = fresh();
      const content = blob(randomBytes(size));
      proxy.set({ cutAfterSent: Math.floor((size * tenth) / 10) });
      await open(proxy.host, repository).push(content.descriptor, content.bytes);
      assert.equal(proxy.cuts, tenth === 10 ? proxy.cuts : 1, `tenth ${tenth}`);
      const stored = await fetchBytes(open(registry.host, repository), content.descriptor, { limit });
      assert.equal(digestOf(stored), content.descriptor.digest);
    }
  });

  it('completes a download that is cut at every tenth', async () => {
    const repository = fresh();
    const content = blob(randomBytes(size));
    await open(registry.host, repository).push(content.descriptor, content.bytes);
    for (let tenth = 0; tenth < 10; tenth++) {
      proxy.set({ cutAfterReceived: Math.floor((size * tenth) / 10) });
      const got = await fetchBytes(open(proxy.host, repository), content.descriptor, { limit });
      assert.equal(digestOf(got), content.descriptor.digest);
      assert.equal(proxy.cuts, 1, `tenth ${tenth}`);
    }
  });

  it('sends chunks if a proxy refuses large bodies', async () => {
    const refusing = await startRefusingProxy(registry.port);
    refusing.set(({ method, headers }) =>
      method === 'PUT' && Number(headers['content-length']) > 1_000_000 ? { status: 413 } : undefined,
    );
    try {
      const repository = fresh();
      const content = blob(randomBytes(20_000_000));
      await open(refusing.host, repository).push(content.descriptor, content.bytes);
      assert.equal(refusing.seen.filter((line) => /^PATCH .* 202$/.test(line)).length, 3);
      const stored = await fetchBytes(open(registry.host, repository), content.descriptor, { limit });
      assert.equal(digestOf(stored), content.descriptor.digest);
    } finally {
      await refusing.stop();
    }
  });

  it('works over a slow connection', async () => {
    proxy.set({ latency: 20 });
    const target = open(proxy.host, fresh());
    const image = manifest([]);
    await pushAll(target, [emptyConfig, image]);
    await target.tag(image.descriptor, 'v1');
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    proxy.set({});
  });

  it('is Unavailable in time if the connection stalls', async () => {
    proxy.set({ silent: true });
    const began = performance.now();
    const once = { ...quick, retry: { attempts: 1, delay: 1 } };
    const target = remoteRepository({ registry: proxy.host, repository: 'a' }, once);
    await assert.rejects(target.resolve('v1'), { kind: 'Unavailable' });
    assert(performance.now() - began < 5000);
    proxy.set({});
  });
});

describe('remoteRepository before something that refuses large bodies', () => {
  let server: Server;
  let host: string;
  const chunks: { range: string | undefined; bytes: Buffer }[] = [];
  let failing = 0;
  before(async () => {
    server = createServer(async (request, response) => {
      const pieces: Uint8Array[] = [];
      for await (const piece of request) pieces.push(piece as Uint8Array);
      const bytes = Buffer.concat(pieces);
      if (request.method === 'HEAD') response.writeHead(404).end();
      else if (request.method === 'POST')
        response.writeHead(202, { location: '/u/0', 'oci-chunk-min-length': '9000000' }).end();
      else if (request.method === 'PUT' && bytes.length > 0) response.writeHead(413).end();
      else if (request.method === 'PUT') response.writeHead(201).end();
      else if (request.method === 'GET') {
        const end = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
        response.writeHead(204, { location: `/u/${end}`, range: `0-${end - 1}` }).end();
      } else {
        // The second chunk arrives in half, once.
        const kept = chunks.length === 1 && failing++ === 0 ? bytes.subarray(0, bytes.length >> 1) : bytes;
        chunks.push({ range: request.headers['content-range'], bytes: kept });
        if (kept.length < bytes.length) response.destroy();
        else response.writeHead(202, { location: `/u/${chunks.length}` }).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  it('sends chunks of the size that the registry wants, and the rest of one that arrived in half', async () => {
    const content = blob(randomBytes(20_000_000));
    await remoteRepository({ registry: host, repository: 'a' }, quick).push(content.descriptor, content.bytes);
    assert.deepEqual(
      chunks.map(({ range }) => range),
      ['0-8999999', '9000000-17999999', '13500000-17999999', '18000000-19999999'],
    );
    assert.equal(digestOf(Buffer.concat(chunks.map(({ bytes }) => bytes))), content.descriptor.digest);
  });
});
