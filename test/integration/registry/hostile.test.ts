import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { copy } from '#lib/registry/copy';
import { mediaTypes } from '#lib/registry/descriptor';
import { digestOf } from '#lib/registry/digest';
import { fetchBytes } from '#lib/registry/fetch-bytes';
import { memoryRepository } from '#lib/registry/memory';
import { remoteRepository } from '#lib/registry/remote/repository';
import { blob, index } from '#test/support/contract/content';
import { answerManifest, content, image, other, serve } from '#test/support/faults/scripted-registry';

describe('a registry that lies', () => {
  it('about the content of a digest is found out, for manifests and blobs', async () => {
    const { target } = await serve((request, response) =>
      answerManifest(response, request, other.bytes, image.descriptor.digest),
    );
    const claimed = { ...image.descriptor, size: other.bytes.length };
    await assert.rejects(fetchBytes(target, claimed, { limit: 10_000 }), {
      kind: 'Conflict',
      message: /other content/,
    });
    const layer = { ...blob('x').descriptor, size: other.bytes.length };
    await assert.rejects(fetchBytes(target, layer, { limit: 10_000 }), { kind: 'Conflict' });
  });

  it('about a digest that was asked for is found out at resolve', async () => {
    const { target } = await serve((request, response) =>
      answerManifest(response, request, other.bytes, other.descriptor.digest),
    );
    await assert.rejects(target.resolve(image.descriptor.digest), { kind: 'Conflict' });
  });

  it('by leaving out the digest has it computed from the content', async () => {
    const { target, seen } = await serve((request, response) => answerManifest(response, request, image.bytes));
    assert.deepEqual(await target.resolve('v1'), image.descriptor);
    assert.deepEqual(seen, ['HEAD /v2/a/manifests/v1', 'GET /v2/a/manifests/v1']);
  });

  it('about the digest of a tag is detected if both are in one answer', async () => {
    const { target } = await serve((request, response) =>
      answerManifest(response, request, other.bytes, image.descriptor.digest),
    );
    await assert.rejects(target.resolveManifest('v1'), { kind: 'Conflict', message: /other content/ });
    await assert.rejects(target.resolveManifest(image.descriptor.digest), { kind: 'Conflict' });
    await assert.rejects(copy(target, memoryRepository(), 'v1', { withReferrers: false }), { kind: 'Conflict' });
  });

  it('about what it stored is found out at push', async () => {
    const { target } = await serve((_request, response) =>
      response.writeHead(201, { 'docker-content-digest': other.descriptor.digest }).end(),
    );
    await assert.rejects(target.push(image.descriptor, image.bytes), { kind: 'Conflict' });
  });

  it('about the type of a manifest is refused', async () => {
    const { target } = await serve((_request, response) =>
      response
        .writeHead(200, {
          'content-type': 'text/html',
          'docker-content-digest': image.descriptor.digest,
          'content-length': '10',
        })
        .end(),
    );
    await assert.rejects(target.resolve('v1'), { kind: 'InvalidInput', message: /text\/html/ });
  });
});

describe('a registry that is asked much', () => {
  it('is asked over the same connections, whatever the method', async () => {
    const sockets = new Set<unknown>();
    const { target } = await serve((request, response) => {
      sockets.add(request.socket);
      answerManifest(response, request, image.bytes, image.descriptor.digest);
    });
    for (let n = 0; n < 5; n++) {
      await target.resolve('v1');
      await fetchBytes(target, image.descriptor, { limit: 10_000 });
    }
    // The answer to a HEAD may still be on its way out when the next request is made.
    assert(sockets.size <= 2, `${sockets.size} connections for 10 requests`);
  });

  it('and answers HEAD with a body costs a connection, and nothing wrong is read', async () => {
    const { target } = await serve((request, response) => {
      if (request.method !== 'HEAD') return answerManifest(response, request, image.bytes, image.descriptor.digest);
      const head = `HTTP/1.1 200 OK\r\ncontent-type: ${mediaTypes.manifest}\r\ncontent-length: ${image.bytes.length}\r\n`;
      const lie = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlies';
      request.socket.write(`${head}docker-content-digest: ${image.descriptor.digest}\r\n\r\n${lie}`);
    });
    for (let n = 0; n < 5; n++) {
      assert.deepEqual(await target.resolve('v1'), image.descriptor);
      assert.deepEqual(await fetchBytes(target, image.descriptor, { limit: 10_000 }), new Uint8Array(image.bytes));
    }
  });
});

describe('a registry that violates HTTP', () => {
  it('is unavailable, which is not taken for a bug', async () => {
    // Node.js does not write such an answer.
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const target = remoteRepository(
        { registry: `127.0.0.1:${address.port}`, repository: 'a' },
        { retry: { attempts: 1 } },
      );
      await assert.rejects(target.resolve('v1'), { kind: 'Unavailable', message: /the answer violates HTTP/ });
    } finally {
      server.close();
    }
  });
});

describe('a registry that warns', () => {
  it('is heard once, in answers of every kind, and not over another host', async () => {
    const { target: storage, host: elsewhere } = await serve((_request, response) =>
      response.writeHead(200, { warning: '299 - "not from here"' }).end(content.bytes),
    );
    assert.notEqual(storage, undefined);
    const heard: string[] = [];
    const { target, host } = await serve(
      (request, response) => {
        if (request.url?.includes('/blobs/'))
          response.writeHead(307, { location: `http://${elsewhere}/x`, warning: '299 - "moving"' }).end();
        else if (request.url?.endsWith('/absent')) response.writeHead(404, { warning: '299 - "gone"' }).end();
        else {
          response.setHeader('warning', ['299 - "this repository is deprecated"', '299 - "and slow"']);
          answerManifest(response, request, image.bytes, image.descriptor.digest);
        }
      },
      { onWarning: (text, from) => heard.push(`${from} ${text}`) },
    );
    for (let n = 0; n < 3; n++) await target.resolve('v1');
    await fetchBytes(target, content.descriptor, { limit: 1_000_000 });
    await assert.rejects(target.resolve('absent'), { kind: 'NotFound' });
    const texts = ['this repository is deprecated', 'and slow', 'moving', 'gone'];
    assert.deepEqual(
      heard,
      texts.map((text) => `${host} ${text}`),
    );
  });
});

describe('a registry that has much', () => {
  it('returns its tags page by page, as they are requested', async () => {
    const { target, seen } = await serve((request, response) => {
      const at = Number(new URL(request.url ?? '', 'http://x').searchParams.get('last') ?? 0);
      const next = `</v2/a/tags/list?last=${at + 2}&n=2>; rel="next"`;
      response.writeHead(200, { 'content-type': 'application/json', ...(at < 6 ? { link: next } : {}) });
      response.end(JSON.stringify({ name: 'a', tags: at === 4 ? null : [`t${at}`, `t${at + 1}`] }));
    });
    const tags: string[] = [];
    for await (const tag of target.tags()) tags.push(tag);
    assert.deepEqual(tags, ['t0', 't1', 't2', 't3', 't6', 't7']);
    assert.equal(seen.length, 4);
    for await (const tag of target.tags()) if (tag === 't0') break;
    assert.equal(seen.length, 5);
  });

  it('stores content under sha512 digests and does not mention them in its own headers', async () => {
    const long = { ...image.descriptor, digest: digestOf(image.bytes, 'sha512') };
    const { target } = await serve((request, response) =>
      answerManifest(response, request, image.bytes, image.descriptor.digest),
    );
    assert.deepEqual(await target.resolve(long.digest), long);
    assert.deepEqual(await fetchBytes(target, long, { limit: 10_000 }), new Uint8Array(image.bytes));
  });
});

describe('a registry that sends too much', () => {
  it('is cut off at the length of the descriptor, announced or endless', async () => {
    const { target: announced } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 40) });
      response.write('x');
    });
    await assert.rejects(fetchBytes(announced, content.descriptor, { limit: 1_000_000 }), { kind: 'LimitExceeded' });
    let sent = 0;
    const { target: endless } = await serve((_request, response) => {
      const more = (): void => {
        while (!response.destroyed) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) break;
        }
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    });
    await assert.rejects(fetchBytes(endless, content.descriptor, { limit: 1_000_000 }), { kind: 'LimitExceeded' });
    assert(sent < 20_000_000, `${sent} bytes were taken`);
  });

  it('as a manifest of more than 4 MiB is refused, by its announcement and while it comes', async () => {
    const { target } = await serve((request, response) => {
      if (request.url?.endsWith('announced')) {
        response
          .writeHead(200, {
            'content-type': mediaTypes.manifest,
            'content-length': '104857600',
            'docker-content-digest': image.descriptor.digest,
          })
          .end();
        return;
      }
      response.writeHead(200, { 'content-type': mediaTypes.manifest });
      response.end(request.method === 'HEAD' ? undefined : Buffer.alloc(5 * 1024 * 1024, ' '));
    });
    await assert.rejects(target.resolve('announced'), { kind: 'LimitExceeded' });
    await assert.rejects(target.resolve('streamed'), { kind: 'LimitExceeded' });
    const large = { ...image.descriptor, size: 5 * 1024 * 1024 };
    await assert.rejects(fetchBytes(target, large, { limit: 10_000_000 }), { kind: 'LimitExceeded' });
  });

  it('as errors is read only at the beginning', async () => {
    const { target } = await serve((_request, response) => {
      response.writeHead(400);
      response.end(Buffer.alloc(10_000_000, 'x'));
    });
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 1_000_000 }), { kind: 'InvalidInput' });
  });

  it('as referrers is refused, in one page, in many and in pages without end', async () => {
    const many = Array.from({ length: 100 }, () => other);
    const page = index(many).bytes;
    const { target: pages, seen } = await serve((_request, response) => {
      response
        .writeHead(200, { 'content-type': mediaTypes.index, link: `</v2/a/referrers/x?n=${seen.length}>; rel="next"` })
        .end(page);
    });
    await assert.rejects(pages.referrers(image.descriptor), { kind: 'LimitExceeded', message: /referrers/ });
    assert(seen.length <= 101);
    const empty = index([]).bytes;
    const { target: endless, seen: asked } = await serve((_request, response) => {
      response
        .writeHead(200, { 'content-type': mediaTypes.index, link: `</v2/a/referrers/x?n=${asked.length}>; rel="next"` })
        .end(empty);
    });
    await assert.rejects(endless.referrers(image.descriptor), { kind: 'LimitExceeded' });
  });

  it('in the list of referrers of another host is not asked there', async () => {
    const { target } = await serve((_request, response) => {
      response
        .writeHead(200, { 'content-type': mediaTypes.index, link: '<http://127.0.0.2:1/v2/>; rel="next"' })
        .end(index([other]).bytes);
    });
    await assert.rejects(target.referrers(image.descriptor), { kind: 'Unavailable', message: /another host/ });
  });

  it('in redirects is left after five', async () => {
    const { target, seen } = await serve((_request, response) => response.writeHead(302, { location: '/again' }).end());
    await assert.rejects(fetchBytes(target, content.descriptor, { limit: 1_000_000 }), {
      kind: 'Unavailable',
      message: /redirects/,
    });
    assert.equal(seen.length, 6);
  });
});
