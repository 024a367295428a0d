import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { copy } from '#lib/registry/copy';
import { memoryRepository } from '#lib/registry/memory';
import { remoteRepository } from '#lib/registry/remote/repository';
import { blob, emptyConfig, manifest, pushAll } from '#test/support/contract/content';
import { serve } from '#test/support/faults/scripted-registry';

const layer = blob(randomBytes(20_000));

/** Reads the body of a request to its end. */
async function drain(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

const answer = (response: ServerResponse, status: number, headers: Record<string, string> = {}): void => {
  response.writeHead(status, headers).end();
};

describe('an upload that broke off', () => {
  for (const status of [401, 403, 409, 500]) {
    it(`is begun again if the question what the registry has of it is answered with ${status}`, async () => {
      let uploads = 0;
      const { target, seen } = await serve((request, response) => {
        if (request.method === 'POST') answer(response, 202, { location: `/upload/${++uploads}` });
        else if (request.method === 'GET') answer(response, status);
        else if (uploads === 1) request.socket.destroy();
        else drain(request).then(() => answer(response, 201));
      });
      await target.push(layer.descriptor, layer.bytes);
      assert.equal(uploads, 2, seen.join('\n'));
    });
  }
});

describe('a registry that wants uploads in chunks', () => {
  it('may not want chunks that would not fit into memory', async () => {
    const { target, seen } = await serve((request, response) => {
      if (request.method === 'POST')
        answer(response, 202, { location: '/upload', 'oci-chunk-min-length': String(2 ** 40) });
      else drain(request).then(() => answer(response, 413));
    });
    await assert.rejects(target.push(layer.descriptor, layer.bytes), { kind: 'LimitExceeded', message: /chunks of/ });
    assert(!seen.some((request) => request.startsWith('PATCH')), seen.join('\n'));
  });

  it('and never takes one is left at last', async () => {
    const { target, seen } = await serve((request, response) => {
      if (request.method === 'POST') answer(response, 202, { location: '/upload' });
      else if (request.method === 'GET') answer(response, 204, { range: '0-9' });
      else if (request.method === 'PUT') drain(request).then(() => answer(response, 413));
      else request.socket.destroy();
    });
    await assert.rejects(target.push(layer.descriptor, layer.bytes), { kind: 'Unavailable' });
    assert(seen.length < 40, `${seen.length} requests`);
  });
});

describe('an upload over a slow line', () => {
  it('goes on for as long as it moves', async () => {
    const large = blob(randomBytes(24_000_000));
    const { target } = await serve(
      async (request, response) => {
        if (request.method === 'POST') return answer(response, 202, { location: '/upload' });
        let length = 0;
        for await (const piece of request) {
          length += piece.length;
          await delay(6);
        }
        answer(response, length === large.bytes.length ? 201 : 400);
      },
      { timeouts: { headers: 800 }, retry: { attempts: 1 } },
    );
    await target.push(large.descriptor, large.bytes);
  });
});

describe('a blob that another repository of the registry has', () => {
  for (const [status, code] of [
    [401, 'UNAUTHORIZED'],
    [403, 'DENIED'],
    [403, 'NAME_UNKNOWN'],
    [403, 'UNSUPPORTED'],
    [404, 'BLOB_UNKNOWN'],
  ] as const) {
    it(`is not mounted, without a failure, if the registry answers ${status} ${code}`, async () => {
      const { target } = await serve((_request, response) =>
        response.writeHead(status).end(JSON.stringify({ errors: [{ code, message: 'not from there' }] })),
      );
      assert.equal(await target.mount(layer.descriptor, 'theirs'), false);
    });
  }

  it('is sent if the token service issues no token to read there', async () => {
    const image = manifest([layer]);
    const memory = memoryRepository();
    await pushAll(memory, [layer, emptyConfig, image]);
    let stored = 0;
    const { host } = await serve(async (request, response) => {
      const url = new URL(request.url ?? '', `http://${request.headers.host}`);
      if (url.pathname === '/token') {
        const scopes = url.searchParams.getAll('scope').join(' ');
        if (scopes.includes('repository:mine:') && scopes.includes('repository:theirs:')) return answer(response, 403);
        return void response.end(JSON.stringify({ token: 'abc' }));
      }
      if (request.headers.authorization === undefined) {
        const challenge = `Bearer realm="http://${request.headers.host}/token",service="s"`;
        return answer(response, 401, { 'www-authenticate': challenge });
      }
      if (request.method === 'HEAD') return answer(response, 404);
      if (request.method === 'POST') {
        if (url.searchParams.get('from') === 'theirs')
          return answer(response, 401, {
            'www-authenticate': `Bearer realm="http://${request.headers.host}/token",service="s"`,
          });
        return answer(response, 202, { location: '/upload' });
      }
      if (request.method === 'PUT') {
        await drain(request);
        stored++;
        return answer(response, 201);
      }
      const found = [image, layer, emptyConfig].find(({ descriptor }) => url.pathname.endsWith(descriptor.digest));
      if (found === undefined) return answer(response, 404);
      response.writeHead(200, { 'content-type': found.descriptor.mediaType }).end(found.bytes);
    });
    const [source, target] = ['theirs', 'mine'].map((repository) =>
      remoteRepository({ registry: host, repository }, { retry: { attempts: 1 } }),
    );
    assert(source !== undefined && target !== undefined);
    await copy(source, target, image.descriptor.digest, { withReferrers: false });
    assert.equal(stored, 3);
  });
});
