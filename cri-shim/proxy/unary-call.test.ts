import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameMessage } from '../../lib/cri/message.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import type { UnaryHandler } from './unary-call.ts';

async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(10);
  assert.ok(condition());
}

describe('a unary call that the shim looks into', () => {
  let directory: string;
  let proxy: RunningProxy;
  let session: http2.ClientHttp2Session;
  const runtime = http2.createServer();
  const connections = new Set<http2.ServerHttp2Session>();
  const came: http2.IncomingHttpHeaders[] = [];
  const refused: unknown[] = [];
  const abandoned: unknown[] = [];
  const replies: string[] = [];
  let replyStatus = '0';
  let given: AbortSignal | undefined;
  let goOn: (() => void) | undefined;
  let fail: ((reason: unknown) => void) | undefined;
  const handler: UnaryHandler = async ({ request, signal }) => {
    given = signal;
    await new Promise<void>((resolve, reject) => {
      goOn = resolve;
      fail = reject;
    });
    return { forward: Buffer.concat([request, request]) };
  };
  const call = (headers: http2.OutgoingHttpHeaders = {}): http2.ClientHttp2Stream => {
    const head = { ':method': 'POST', ':path': '/a.B/C', 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...head, ...headers });
    stream.on('error', () => undefined);
    stream.resume();
    stream.end(frameMessage(Buffer.from('message')));
    return stream;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-unary-'));
    runtime.on('session', (connection) => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection));
    });
    runtime.on('stream', (stream, headers) => {
      came.push(headers);
      stream.on('error', () => undefined);
      if (headers[':path'] === '/a.B/Reply') {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': replyStatus }));
        stream.end(frameMessage(Buffer.from('reply')));
        return;
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
    });
    const path = join(directory, 'runtime.sock');
    await new Promise<void>((resolve) => {
      runtime.listen(path, resolve);
    });
    const replying: UnaryHandler = async ({ request }) => ({
      forward: request,
      onReply: (response) => {
        replies.push(Buffer.from(response).toString());
        return Buffer.from('changed');
      },
    });
    const handlers = new Map([
      ['a.B/C', handler],
      ['a.B/Reply', replying],
    ]);
    proxy = await startProxy({
      listen: join(directory, 'shim.sock'),
      runtime: path,
      handlers,
      onError: (_method, thrown) => void refused.push(thrown),
      onAbandoned: (method, cause, request) => void abandoned.push([method, cause, request?.toString()]),
    });
  });
  beforeEach(() => {
    for (const list of [came, refused, abandoned, replies]) list.length = 0;
    given = undefined;
    goOn = undefined;
    session = http2.connect('http://localhost', {
      createConnection: () => connectSocket(join(directory, 'shim.sock')),
    });
  });
  afterEach(() => session.destroy());
  after(async () => {
    await proxy.stop();
    runtime.close();
    await rm(directory, { recursive: true });
  });

  it('goes on with headers that are right for the message that the shim makes', async () => {
    const length = String(frameMessage(Buffer.from('message')).length);
    const stream = call({ 'content-length': length, 'grpc-accept-encoding': 'gzip', 'grpc-timeout': '5S', own: 'x' });
    await eventually(() => goOn !== undefined);
    await sleep(50);
    goOn?.();
    await once(stream, 'close');
    const [headers] = came;
    assert.equal(headers?.['content-length'], undefined);
    assert.equal(headers?.['grpc-accept-encoding'], 'identity');
    assert.equal(headers?.['own'], 'x');
    const left = /^(\d+)m$/.exec(String(headers?.['grpc-timeout']))?.[1];
    assert.ok(Number(left) > 1000 && Number(left) <= 4950, `${headers?.['grpc-timeout']}`);
  });

  for (const [how, headers, cause, giveUp] of [
    ['cancels', {}, 'cancelled', (stream: http2.ClientHttp2Stream) => stream.close(http2.constants.NGHTTP2_CANCEL)],
    ['goes away', {}, 'cancelled', () => session.destroy()],
    ['has no more time', { 'grpc-timeout': '50m' }, 'deadline', () => undefined],
  ] as const) {
    it(`does not reach the runtime once the client ${how}, and is reported then`, async () => {
      const stream = call(headers);
      await eventually(() => goOn !== undefined);
      giveUp(stream);
      // Reported at once, and not only when the handler ends.
      await eventually(() => abandoned.length > 0);
      assert.equal(given?.aborted, true);
      goOn?.();
      await sleep(30);
      assert.deepEqual([came, refused, abandoned], [[], [], [['a.B/C', cause, 'message']]]);
    });
  }

  it('is refused before its deadline, with a reason, if the handler waits for something until then', async () => {
    const stream = call({ 'grpc-timeout': '2000m' });
    const trailers = once(stream, 'response');
    await eventually(() => given !== undefined);
    const begun = performance.now();
    await once(given as AbortSignal, 'abort');
    fail?.(given?.reason);
    const [headers] = (await trailers) as [http2.IncomingHttpHeaders];
    assert.ok(performance.now() - begun < 1900);
    assert.equal(headers['grpc-status'], '14');
    assert.match(
      String(headers['grpc-message']),
      /^RegistryUnavailable: no answer within 1\.5 s, and the caller waits 2 s/,
    );
    assert.deepEqual([refused.length, abandoned], [1, []]);
  });

  it('is not reported as abandoned if its client goes after the answer', async () => {
    const stream = call();
    await eventually(() => goOn !== undefined);
    goOn?.();
    await once(stream, 'close');
    session.destroy();
    await eventually(() => connections.size === 0);
    assert.deepEqual(abandoned, []);
  });

  for (const [status, how, body, handled] of [
    ['0', 'hands the answer of the runtime to its handler', 'changed', ['reply']],
    ['13', 'does not take a message before an error for an answer', 'reply', []],
  ] as const) {
    it(how, async () => {
      replyStatus = status;
      const stream = call({ ':path': '/a.B/Reply' });
      const [[trailers], pieces] = (await Promise.all([once(stream, 'trailers'), stream.toArray()])) as [
        [http2.IncomingHttpHeaders],
        Buffer[],
      ];
      assert.equal(trailers['grpc-status'], status);
      assert.deepEqual(Buffer.concat(pieces), frameMessage(Buffer.from(body)));
      assert.deepEqual(replies, handled);
      assert.deepEqual(refused, []);
    });
  }

  it('leaves no connection to the runtime behind when its client has gone', async () => {
    const stream = call();
    await eventually(() => goOn !== undefined);
    goOn?.();
    await once(stream, 'close');
    assert.equal(connections.size, 1);
    session.destroy();
    await eventually(() => connections.size === 0);
  });
});
