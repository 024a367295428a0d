import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { serviceClient } from './service-client.ts';

describe('a client for services', () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function serve(answer: RequestListener): Promise<string> {
    server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('returns the whole answer, whatever its status, and follows no redirect', async () => {
    const url = await serve((request, response) => {
      let text = '';
      request.on('data', (piece) => {
        text += piece;
      });
      request.on('end', () => {
        response
          .writeHead(request.method === 'POST' ? 302 : 404, { location: '/elsewhere' })
          .end(`${request.url} ${text}`);
      });
    });
    const ask = serviceClient();
    const posted = await ask({ method: 'POST', url: `${url}/a?b=c`, body: 'text' });
    assert.deepEqual([posted.status, posted.location, posted.body.toString()], [302, '/elsewhere', '/a?b=c text']);
    assert.equal((await ask({ method: 'GET', url })).status, 404);
  });

  it('repeats a request if a service fails for a moment', async () => {
    let asked = 0;
    const url = await serve((_, response) => response.writeHead(++asked < 3 ? 503 : 200).end('done'));
    const ask = serviceClient({ retry: { attempts: 3, delay: 1 } });
    assert.equal((await ask({ method: 'POST', url, body: 'x' })).body.toString(), 'done');
  });

  it('is not delayed by a service that sends a byte now and then', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(timer));
    });
    await assert.rejects(serviceClient({ total: 300 })({ method: 'GET', url }), {
      kind: 'Unavailable',
      message: /127\.0\.0\.1:\d+ has not answered within 0\.3 s/,
    });
  });

  it('reads no more than its limit', async () => {
    const url = await serve((_, response) => {
      const more = (): void => {
        while (response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more).on('error', () => undefined);
      more();
    });
    await assert.rejects(serviceClient()({ method: 'GET', url }), { kind: 'LimitExceeded' });
  });
});
