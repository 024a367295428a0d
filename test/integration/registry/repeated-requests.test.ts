import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { FairleadError } from '#lib/errors';
import { createTransport, defaultTimeouts, type HttpRequest } from '#lib/network/transport';
import { listen } from '#test/support/faults/scripted-registry';

const transport = createTransport({
  timeouts: defaultTimeouts,
  retry: { attempts: 3, delay: 1 },
  connection: () => ({}),
});

/**
 * Sends a PUT to a server that handles the first request with `first`, and accepts the second;
 * returns the outcome and the number of requests.
 */
async function put(first: RequestListener, request: Pick<HttpRequest, 'body' | 'once'>) {
  let asked = 0;
  const host = await listen(
    createServer((incoming, response) => {
      if (asked++ === 0) first(incoming, response);
      else incoming.resume().on('end', () => response.writeHead(201).end());
    }),
  );
  const outcome = await transport
    .send({ method: 'PUT', url: new URL(`http://${host}/`), headers: {}, ...request })
    .then(async (response) => {
      await response.discard();
      return response.status;
    })
    .catch((error: unknown) => error);
  return { outcome, asked };
}

const body = Buffer.from('content');
const breakOff: RequestListener = (request) => request.socket.destroy();
const answer =
  (status: number): RequestListener =>
  (request, response) =>
    request.resume().on('end', () => response.writeHead(status).end());

describe('a request that may be repeated', () => {
  it('is, after a broken connection, 408, 429 and 5xx, and not after what will not change', async () => {
    assert.deepEqual(await put(breakOff, { body }), { outcome: 201, asked: 2 });
    for (const status of [408, 429, 500, 502, 503, 504])
      assert.deepEqual(await put(answer(status), { body }), { outcome: 201, asked: 2 }, String(status));
    for (const status of [400, 401, 404, 409, 501])
      assert.deepEqual(await put(answer(status), { body }), { outcome: status, asked: 1 });
  });

  it('opens its content each time', async () => {
    let opened = 0;
    const open = async () => {
      opened++;
      return (async function* () {
        yield body;
      })();
    };
    assert.deepEqual(await put(answer(503), { body: open }), { outcome: 201, asked: 2 });
    assert.equal(opened, 2);
  });

  it('is not repeated if its content cannot be read, and that error is reported', async () => {
    let opened = 0;
    for (const reason of [
      new FairleadError('Conflict', 'other content'),
      Object.assign(new Error('x'), { code: 'EIO' }),
    ]) {
      const open = async () => {
        opened++;
        return (async function* () {
          yield body;
          throw reason;
        })();
      };
      assert.equal((await put(breakOff, { body: open })).outcome, reason);
    }
    assert.equal(opened, 2);
  });
});

describe('a request that may not be repeated', () => {
  it('is repeated only if the server reports that it did not accept it (429)', async () => {
    assert.deepEqual(await put(answer(429), { body, once: true }), { outcome: 201, asked: 2 });
    for (const status of [408, 500, 503])
      assert.deepEqual(await put(answer(status), { body, once: true }), { outcome: status, asked: 1 });
    const { outcome, asked } = await put(breakOff, { body, once: true });
    assert(outcome instanceof FairleadError && outcome.kind === 'Unavailable');
    assert.equal(asked, 1);
  });
});
