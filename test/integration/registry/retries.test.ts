import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { mediaTypes } from '#lib/registry/descriptor';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { remoteRepository } from '#lib/registry/remote/repository';
import { answerManifest, content, image, listen, serve } from '#test/support/faults/scripted-registry';

describe('a registry that fails', () => {
  it('now and then is asked again: 500, 503, 429 with Retry-After, a connection that breaks', async () => {
    const answers: RequestListener[] = [
      (_request, response) => response.writeHead(500).end(),
      (request) => request.socket.destroy(),
      (request, response) => answerManifest(response, request, image.bytes, image.descriptor.digest),
    ];
    const { target, seen } = await serve((request, response) => answers.shift()?.(request, response));
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert.equal(seen.length, 3);

    let began = 0;
    const { target: busy } = await serve((request, response) => {
      if (began === 0) {
        began = performance.now();
        response.writeHead(429, { 'retry-after': '1' }).end();
      } else answerManifest(response, request, image.bytes, image.descriptor.digest);
    });
    await busy.resolve('v1');
    assert(performance.now() - began > 950);
  });

  it('always fails, with the error of the system', async () => {
    const { target, seen } = await serve((_request, response) =>
      response
        .writeHead(503, { 'content-type': 'application/json' })
        .end('{"errors":[{"code":"UNAVAILABLE","message":"maintenance\\u001b[31m"}]}'),
    );
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 1_000_000 }), {
      kind: 'Unavailable',
      message: /503 UNAVAILABLE "maintenance\\u001b\[31m"$/,
    });
    assert.equal(seen.length, 3);
  });

  it('for longer than we wait is given up at once', async () => {
    const { target, seen } = await serve((_request, response) =>
      response.writeHead(429, { 'retry-after': '3600' }).end(),
    );
    await assert.rejects(target.resolve('v1'), { kind: 'Unavailable', message: /429/ });
    assert.equal(seen.length, 1);
  });

  it('in the middle of a download has the rest asked for by range, at every tenth', async () => {
    for (let tenth = 0; tenth < 10; tenth++) {
      const cut = Math.floor((content.bytes.length * tenth) / 10);
      let ranges = 0;
      const { target } = await serve((request, response) => {
        const from = Number(/^bytes=([0-9]+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
        if (request.headers.range === undefined) {
          response.writeHead(200, { 'content-length': content.bytes.length });
          response.write(content.bytes.subarray(0, cut), () => setTimeout(() => response.destroy(), 5));
          return;
        }
        ranges++;
        const size = content.bytes.length;
        response.writeHead(206, {
          'content-range': `bytes ${from}-${size - 1}/${size}`,
          'content-length': size - from,
        });
        response.end(content.bytes.subarray(from));
      });
      assert.deepEqual(
        await fetchBytes(target, content.descriptor, { limit: 1_000_000 }),
        new Uint8Array(content.bytes),
      );
      assert.equal(ranges, 1);
    }
  });

  it('in the middle of a download and knows no ranges has the known part skipped', async () => {
    let requests = 0;
    const { target } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.bytes.length });
      if (requests++ > 0) response.end(content.bytes);
      else response.write(content.bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 5));
    });
    assert.deepEqual(await fetchBytes(target, content.descriptor, { limit: 1_000_000 }), new Uint8Array(content.bytes));
    assert.equal(requests, 2);
  });

  it('in the middle of a download and returns another range than requested is refused', async () => {
    let requests = 0;
    const { target } = await serve((_request, response) => {
      if (requests++ > 0) {
        response.writeHead(206, { 'content-range': `bytes 0-299999/300000` }).end(content.bytes);
        return;
      }
      response.writeHead(200, { 'content-length': content.bytes.length });
      response.write(content.bytes.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 5));
    });
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 1_000_000 }), {
      kind: 'Unavailable',
      message: /another range/,
    });
  });

  it('in the middle of a manifest has it requested again, and fails if it always does', async () => {
    let requests = 0;
    let failing = 2;
    const { target } = await serve((request, response) => {
      requests++;
      if (failing-- <= 0) return answerManifest(response, request, image.bytes, image.descriptor.digest);
      response.writeHead(200, { 'content-type': mediaTypes.manifest, 'content-length': image.bytes.length });
      response.write(image.bytes.subarray(0, 20), () => setTimeout(() => response.destroy(), 2));
    });
    assert.deepEqual((await target.resolveManifest('v1')).descriptor, image.descriptor);
    assert.equal(requests, 3);
    failing = 100;
    await assert.rejects(target.resolveManifest('v1'), { kind: 'Unavailable' });
  });

  it('in the middle of every download is given up', async () => {
    const { target } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.bytes.length });
      response.write(content.bytes.subarray(0, 100), () => setTimeout(() => response.destroy(), 2));
    });
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 1_000_000 }), { kind: 'Unavailable' });
  });

  it('in the middle of an upload has it sent again', async () => {
    let puts = 0;
    const { target } = await serve((request, response) => {
      if (request.method === 'HEAD' || request.method === 'GET') response.writeHead(404).end();
      else if (request.method === 'POST') response.writeHead(202, { location: `/v2/a/blobs/uploads/${puts}` }).end();
      else if (puts++ === 0) request.once('data', () => request.socket.destroy());
      else request.resume().on('end', () => response.writeHead(201).end());
    });
    await target.push(content.descriptor, content.bytes);
    assert.equal(puts, 2);
  });
});

describe('a registry that falls silent', () => {
  const timeouts = { connect: 100, headers: 150, body: 150 };
  const once = { timeouts, retry: { attempts: 1, delay: 1 } };

  it('before it answers is Unavailable in time', async () => {
    const { target } = await serve(() => undefined, once);
    const began = performance.now();
    await assert.rejects(target.resolve('v1'), { kind: 'Unavailable', hint: /too long/ });
    assert(performance.now() - began < 3000);
  });

  it('in the middle of a body is Unavailable in time', async () => {
    const { target } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': content.bytes.length });
      response.write('x');
    }, once);
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 1_000_000 }), { kind: 'Unavailable' });
  });

  it('but for a byte now and then is given up, and slow readers are not', async () => {
    const drops = new Set<NodeJS.Timeout>();
    const { target, seen } = await serve((request, response) => {
      if (request.url?.endsWith(content.descriptor.digest)) return void response.end(content.bytes);
      response.writeHead(200, { 'content-type': mediaTypes.manifest, 'content-length': '100000' });
      drops.add(setInterval(() => response.write('x'), 20));
    }, once);
    const began = performance.now();
    await assert.rejects(target.resolveManifest('v1'), { kind: 'Unavailable', message: /only [0-9]+ bytes came/ });
    for (const drop of drops) clearInterval(drop);
    assert.equal(seen.length, 4);
    assert(performance.now() - began < 10_000);
    let received = 0;
    for await (const piece of await target.fetch(content.descriptor)) {
      if (received === 0) await delay(400);
      received += piece.length;
    }
    assert.equal(received, content.bytes.length);
  });

  it('ends a call when its signal does, with the signal’s reason', async () => {
    const { target } = await serve(() => undefined);
    const reason = new Error('the pod is gone');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    await assert.rejects(target.resolve('v1', { signal: controller.signal }), reason);
    await assert.rejects(target.resolve('v1', { signal: controller.signal }), reason);
  });

  it('or speaks something else than HTTP is Unavailable', async () => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.end('SSH-2.0-OpenSSH\r\n');
    });
    const registry = await listen(server);
    const target = remoteRepository({ registry, repository: 'a' }, { retry: { attempts: 2, delay: 1 } });
    await assert.rejects(target.resolve('v1'), { kind: 'Unavailable' });
  });
});

describe('no registry', () => {
  it('reports Unavailable for a port without a listener, in time', async () => {
    const target = remoteRepository(
      { registry: '127.0.0.1:1', repository: 'a' },
      { retry: { attempts: 2, delay: 10 } },
    );
    await assert.rejects(target.resolve('v1'), { kind: 'Unavailable', hint: /Nothing listens/ });
  });
});
