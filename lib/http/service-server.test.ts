import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { type ErrorKind, errorMapping, FairleadError } from '#lib/errors';
import { createServiceServer } from './service-server.ts';

describe('createServiceServer', () => {
  let app: FastifyInstance;
  const logged: string[] = [];
  const late: AbortSignal[] = [];
  let slow = 0;
  before(async () => {
    app = await createServiceServer(
      {
        name: 'test',
        description: 'A service for the test.',
        version: '1.2.3',
        logger: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
        bodyLimit: 64,
        timeout: 200,
      },
      (server, { signalOf }) => {
        server.get<{ Params: { kind: ErrorKind } }>('/throws/:kind', async (request) => {
          throw new FairleadError(request.params.kind, 'what went wrong', { hint: 'do this' });
        });
        server.get('/defect', async () => {
          throw new TypeError('secret of the inside');
        });
        server.post('/slow', (_, reply) => {
          const signal = signalOf(reply);
          slow++;
          return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        });
        server.post('/signal', async (_, reply) => {
          const signal = signalOf(reply);
          await sleep(20);
          return { aborted: signal.aborted };
        });
        server.post('/late', async (_, reply) => {
          await sleep(100);
          late.push(signalOf(reply));
          return {};
        });
        server.post(
          '/echo',
          { schema: { body: { type: 'object', required: ['a'] } } },
          async (request) => request.body,
        );
      },
    );
  });
  after(() => app.close());

  it('answers an invalid path with problem details', async () => {
    const response = await app.inject('/%zz');
    assert.equal(response.statusCode, 400);
    assert.equal(response.headers['content-type'], 'application/problem+json');
    assert.match(response.json().detail, /%zz/);
  });

  for (const kind of Object.keys(errorMapping) as ErrorKind[]) {
    it(`answers ${kind} with problem details and status ${errorMapping[kind].http}`, async () => {
      const response = await app.inject(`/throws/${kind}`);
      assert.equal(response.statusCode, errorMapping[kind].http);
      assert.equal(response.headers['content-type'], 'application/problem+json');
      const problem = response.json();
      assert.equal(problem.kind, kind);
      assert.equal(problem.status, errorMapping[kind].http);
      assert.equal(problem.hint, 'do this');
      assert.equal(problem.instance, response.headers['x-request-id']);
    });
  }

  it('hides a defect from the caller and logs all of it', async () => {
    const response = await app.inject('/defect');
    assert.equal(response.statusCode, 500);
    assert.doesNotMatch(response.body, /secret of the inside/);
    assert.ok(logged.some((line) => line.includes('secret of the inside') && line.includes(response.json().instance)));
  });

  it('ends a request that takes too long', async () => {
    const response = await app.inject({ method: 'POST', url: '/slow', payload: {} });
    assert.equal(response.statusCode, 503);
    assert.equal(response.json().kind, 'Unavailable');
  });

  it('continues the work after the body has been read, and ends it if the caller disconnects', async () => {
    const address = await app.listen({ host: '127.0.0.1', port: 0 });
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a": 1}' };
    assert.deepEqual(await (await fetch(`${address}/signal`, request)).json(), { aborted: false });
    const gone = new AbortController();
    const waiting = fetch(`${address}/slow`, { ...request, signal: gone.signal });
    const before = slow;
    waiting.catch(() => undefined);
    while (slow === before) await sleep(10);
    gone.abort();
    await assert.rejects(waiting, { name: 'AbortError' });
    while (!logged.some((line) => line.includes('the caller has gone'))) await sleep(10);
  });

  it('begins no work for a caller that has gone before the work could begin', async () => {
    const address = app.listeningOrigin;
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a": 1}' };
    const leaving = fetch(`${address}/late`, { ...request, signal: AbortSignal.timeout(30) });
    await assert.rejects(leaving, { name: 'TimeoutError' });
    while (late.length === 0) await sleep(10);
    assert.equal(late[0]?.aborted, true);
    await fetch(`${address}/late`, request);
    assert.equal(late[1]?.aborted, false);
  });

  it('answers malformed, oversized and unknown requests with problem details', async () => {
    const post = (payload: string, type = 'application/json') =>
      app.inject({ method: 'POST', url: '/echo', payload, headers: { 'content-type': type } });
    for (const [response, status, kind] of [
      [await post('{'), 400, 'InvalidInput'],
      [await post('{"b": 1}'), 400, 'InvalidInput'],
      [await post(`{"a": "${'x'.repeat(100)}"}`), 413, 'LimitExceeded'],
      [await post('<a/>', 'text/xml'), 415, 'InvalidInput'],
      [await app.inject('/nowhere'), 404, 'NotFound'],
    ] as const) {
      assert.equal(response.statusCode, status);
      assert.equal(response.headers['content-type'], 'application/problem+json');
      assert.equal(response.json().kind, kind);
    }
    const { title, type } = (await post('<a/>', 'text/xml')).json();
    assert.deepEqual(
      [title, type],
      ['The media type or coding of the body is not supported', 'https://fairlead.dev/problems/UnsupportedMediaType'],
    );
    assert.match((await post('{"b": 1}')).json().detail, /^body must have required property 'a'$/);
  });

  it('answers a path that looks like a pattern of routes with 404', async () => {
    for (const url of ['/*/a', '/a*b', '/:kind', '/a:b(', '/throws']) {
      const response = await app.inject({ method: 'PUT', url });
      assert.equal(response.statusCode, 404, `${url} ${response.body}`);
    }
  });

  it('answers another method than a resource takes with 405 and those that it does, whatever is sent along', async () => {
    for (const [method, url, allow, type] of [
      ['PUT', '/echo', 'POST', 'application/json'],
      ['PUT', '/echo?a=1', 'POST', 'text/xml'],
      ['GET', '/echo', 'POST', undefined],
      ['OPTIONS', '/echo', 'POST', undefined],
      ['POST', '/defect', 'GET, HEAD', 'text/plain'],
      ['POST', '/throws/NotFound', 'GET, HEAD', 'text/plain'],
      ['PUT', '/throws/:kind(*', 'GET, HEAD', 'text/plain'],
      ['DELETE', '/healthz', 'GET, HEAD', undefined],
      ['POST', '/metrics', 'GET, HEAD', 'application/json'],
      ['PATCH', '/openapi.json', 'GET, HEAD', 'application/json'],
    ] as const) {
      const headers = type === undefined ? {} : { 'content-type': type };
      const response = await app.inject({ method, url, headers, ...(type !== undefined && { payload: '{' }) });
      assert.equal(response.statusCode, 405, `${method} ${url} ${response.body}`);
      assert.equal(response.headers['allow'], allow);
      const { kind, title, detail, hint } = response.json();
      assert.equal(title, 'The resource does not support this method');
      assert.deepEqual([kind, detail], ['InvalidInput', `${url.replace(/\?.*/, '')} does not support ${method}`]);
      assert.match(hint, new RegExp(`^Use ${allow}\\.`));
    }
    const invalid = await app.inject({ method: 'PUT', url: '/throws/%zz' });
    assert.equal(invalid.statusCode, 400);
    const nowhere = await app.inject({
      method: 'PUT',
      url: '/nowhere',
      payload: '<a/>',
      headers: { 'content-type': 'text/xml' },
    });
    assert.equal(nowhere.statusCode, 404);
    assert.equal(nowhere.headers['allow'], undefined);
  });

  it('keeps a harmless request id, and generates one otherwise', async () => {
    const ask = async (id: string) =>
      (await app.inject({ url: '/healthz', headers: { 'x-request-id': id } })).headers['x-request-id'];
    assert.equal(await ask('build-17'), 'build-17');
    assert.match(String(await ask('{"forged": "log line"}')), /^[0-9a-f-]{36}$/);
  });

  it('is healthy, ready, measured and documented', async () => {
    assert.equal((await app.inject('/healthz')).statusCode, 200);
    assert.equal((await app.inject('/readyz')).statusCode, 200);
    const metrics = (await app.inject('/metrics')).body;
    assert.match(
      metrics,
      /fairlead_http_requests_total\{route="\/throws\/:kind",method="GET",status="404",service="test"\} 1/,
    );
    const document = (await app.inject('/openapi.json')).json();
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document.info, { title: 'test', description: 'A service for the test.', version: '1.2.3' });
    assert.ok(document.paths['/echo'].post);
  });
});
