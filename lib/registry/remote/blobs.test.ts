import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { blob } from '#test/support/contract/content';
import type { ApiRequest, ApiResponse, RegistryClient } from './api.ts';
import { RemoteBlobs } from './blobs.ts';

const one = blob('one');
const two = blob('two');

const statusOf = { HEAD: 404, PUT: 201, DELETE: 202, GET: 200, PATCH: 202 } as const;

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
}

/**
 * The blobs of a registry that answers POST as specified, accepts every PUT and has no content; and
 * the requests.
 */
function pusher(post: (request: string) => Answer) {
  const asked: string[] = [];
  const bodies: ApiRequest['body'][] = [];
  const origin = new URL('http://registry.test');
  const client: RegistryClient = {
    origin,
    async send(request): Promise<ApiResponse> {
      const name = `${request.method} ${request.to instanceof URL ? request.to.pathname : request.to}`;
      asked.push(request.method === 'HEAD' ? 'HEAD' : name);
      bodies.push(request.body);
      const { status, headers = {} } = request.method === 'POST' ? post(name) : { status: statusOf[request.method] };
      assert(request.expect.includes(status), `${name}: ${status}`);
      return {
        url: new URL(request.to, origin),
        status,
        header: (header) => headers[header],
        body: (async function* () {})(),
        text: async () => '',
        discard: async () => undefined,
      };
    },
  };
  const blobs = new RemoteBlobs(client, { registry: 'registry.test', repository: 'a' });
  return { blobs, asked, bodies };
}

const upload: Answer = { status: 202, headers: { location: '/upload' } };
const mount = (digest: string): string => `POST a/blobs/uploads/?mount=${encodeURIComponent(digest)}&from=a`;
/** The same request with the content, to be stored at once. */
const store = (digest: string): string => `${mount(digest)}&digest=${encodeURIComponent(digest)}`;

describe('RemoteBlobs', () => {
  it('asks whether the blob is there and begins its upload in one request, and sends it in one piece', async () => {
    const { blobs, asked, bodies } = pusher(() => upload);
    await blobs.push(one.descriptor, one.bytes, {});
    assert.deepEqual(asked, [store(one.descriptor.digest), 'PUT /upload']);
    assert.equal(bodies[1], one.bytes);
    await blobs.push(two.descriptor, two.bytes, {});
    assert.deepEqual(asked.slice(2), [mount(two.descriptor.digest), 'PUT /upload']);
    assert.equal(bodies[2], undefined);
  });

  it('sends small content with the first request, which is the only one if the registry stores it', async () => {
    const { blobs, asked, bodies } = pusher(() => ({ status: 201 }));
    await blobs.push(one.descriptor, one.bytes, {});
    assert.deepEqual(asked, [store(one.descriptor.digest)]);
    assert.equal(bodies[0], one.bytes);
    assert.ok(blobs.hasConfirmed(one.descriptor));
    assert.ok(!blobs.hasConfirmed(two.descriptor));
    const large = blob('x'.repeat(64 * 1024 + 1));
    await blobs.push(large.descriptor, large.bytes, {});
    assert.deepEqual(asked.slice(1), [mount(large.descriptor.digest)]);
    assert.equal(bodies[1], undefined);
  });

  it('opens content once, only if it must be sent, and sends nothing that does not match its descriptor', async () => {
    const { blobs, asked, bodies } = pusher((name) =>
      name.includes(one.descriptor.digest.slice(7)) ? { status: 201 } : upload,
    );
    let opened = 0;
    const open = (bytes: Uint8Array) => async () => {
      opened++;
      return (async function* () {
        yield bytes.subarray(0, 1);
        yield bytes.subarray(1);
      })();
    };
    await blobs.push(one.descriptor, open(one.bytes), {});
    assert.equal(opened, 0);
    await blobs.push(two.descriptor, open(two.bytes), {});
    assert.equal(opened, 1);
    assert.deepEqual(bodies.at(-1), new Uint8Array(two.bytes));
    const wrong = blob('six');
    await assert.rejects(blobs.push(wrong.descriptor, open(two.bytes), {}), { kind: 'Conflict' });
    assert.equal(asked.filter((name) => name.startsWith('PUT')).length, 1);
  });

  it('asks no more for what it saw a moment ago, unless that is deleted or forgotten', async () => {
    const { blobs, asked } = pusher(() => ({ status: 201 }));
    await blobs.push(one.descriptor, one.bytes, {});
    await blobs.push(one.descriptor, one.bytes, {});
    await blobs.push(two.descriptor, two.bytes, {});
    assert.equal(asked.length, 2);
    await blobs.delete(one.descriptor, {});
    await blobs.push(one.descriptor, one.bytes, {});
    await blobs.push(two.descriptor, two.bytes, {});
    assert.deepEqual(asked.slice(2), [`DELETE a/blobs/${one.descriptor.digest}`, store(one.descriptor.digest)]);
    blobs.forget();
    await blobs.push(one.descriptor, one.bytes, {});
    await blobs.push(two.descriptor, two.bytes, {});
    assert.deepEqual(asked.slice(4), [store(one.descriptor.digest), store(two.descriptor.digest)]);
  });

  it('remembers a minute at most', async (t) => {
    let now = 0;
    t.mock.method(performance, 'now', () => now);
    const { blobs, asked } = pusher(() => ({ status: 201 }));
    await blobs.push(one.descriptor, one.bytes, {});
    now = 59_000;
    await blobs.push(one.descriptor, one.bytes, {});
    assert.equal(asked.length, 1);
    now = 61_000;
    await blobs.push(one.descriptor, one.bytes, {});
    assert.equal(asked.length, 2);
  });

  for (const status of [400, 403, 404, 405, 422, 500, 501]) {
    it(`asks in two requests after the single one was answered by ${status}`, async () => {
      const { blobs, asked } = pusher((name) => (name.includes('mount=') ? { status } : upload));
      await blobs.push(one.descriptor, one.bytes, {});
      await blobs.push(two.descriptor, two.bytes, {});
      assert.deepEqual(asked, [
        store(one.descriptor.digest),
        ...['HEAD', 'POST a/blobs/uploads/', 'PUT /upload'],
        ...['HEAD', 'POST a/blobs/uploads/', 'PUT /upload'],
      ]);
    });
  }

  it('does not believe that the blob is there if the answer is about another', async () => {
    const other = { status: 201, headers: { 'docker-content-digest': two.descriptor.digest } };
    const { blobs, asked } = pusher((name) => (name.includes('mount=') ? other : upload));
    await blobs.push(one.descriptor, one.bytes, {});
    assert.deepEqual(asked.slice(1), ['HEAD', 'POST a/blobs/uploads/', 'PUT /upload']);
  });
});
