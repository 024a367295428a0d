import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { endHeaders, endStream, frame, hasAsked, headerList } from '#test/cri/http2-frames';
import { BytesClient, startScriptedRuntime } from '#test/cri/scripted-runtime';
import { startProxy } from './proxy.ts';
import type { UnaryHandler } from './unary-call.ts';

const changing: UnaryHandler = async ({ request }) => ({ forward: request, onReply: (reply) => reply });

describe('proxy, where an end misbehaves', () => {
  let folder: string;
  let runtime: string;
  let listen: string;
  const undo: (() => Promise<unknown> | unknown)[] = [];
  /** What would have ended the shim. */
  const uncaught: unknown[] = [];
  process.on('uncaughtExceptionMonitor', (error) => uncaught.push(error));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-faults-'));
    [runtime, listen] = [join(folder, 'runtime.sock'), join(folder, 'shim.sock')];
    const handlers = new Map([['a.B/Changed', changing]]);
    const proxy = await startProxy({ listen, runtime, handlers, onError: () => undefined, drainMilliseconds: 100 });
    undo.push(() => rm(folder, { recursive: true }), proxy.stop);
  });
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
    assert.deepEqual(uncaught.splice(0), []);
  });

  function connect(): http2.ClientHttp2Session {
    const session = http2.connect('http://localhost', { createConnection: () => connectSocket(listen) });
    session.on('error', () => undefined);
    undo.push(() => session.destroy());
    return session;
  }
  function call(session: http2.ClientHttp2Session, path: string): http2.ClientHttp2Stream {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => undefined);
    stream.resume();
    return stream;
  }
  const closed = (stream: http2.ClientHttp2Stream) =>
    new Promise<number>((resolve) => stream.on('close', () => resolve(stream.rstCode)));

  it('resets a call alone where the runtime answers with headers that cannot be sent on', async () => {
    let head: Buffer = headerList();
    let trailers: Buffer = headerList();
    const server = createServer((socket) => {
      let heard: Buffer = Buffer.alloc(0);
      let answered = false;
      socket.on('error', () => undefined);
      socket.write(frame(4, 0, 0));
      socket.on('data', (bytes) => {
        heard = Buffer.concat([heard, bytes]);
        if (answered || !hasAsked(heard)) return;
        answered = true;
        socket.write(Buffer.concat([frame(4, endStream, 0), frame(1, endHeaders, 1, head)]));
        socket.write(frame(0, 0, 1, Buffer.alloc(5)));
        socket.write(frame(1, endHeaders | endStream, 1, trailers));
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(runtime, resolve);
    });
    undo.push(() => server.close());
    const good: [string, string][] = [
      [':status', '200'],
      ['content-type', 'application/grpc'],
    ];
    const cases: [Buffer, Buffer, number][] = [
      [headerList(...good, ['content-type', 'application/grpc']), headerList(['grpc-status', '0']), 2],
      [headerList([':status', '600']), headerList(['grpc-status', '0']), 2],
      [headerList(...good), headerList(['date', 'a'], ['date', 'b']), 2],
      [headerList(...good), headerList(['grpc-status', '0']), 0],
    ];
    for (const path of ['/a.B/Changed', '/a.B/Passed']) {
      for (const [headers, last, code] of cases) {
        [head, trailers] = [headers, last];
        const session = connect();
        const stream = call(session, path);
        stream.end(Buffer.alloc(5));
        assert.equal(await closed(stream), code, `${path} ${headers}`);
        session.destroy();
      }
    }
  });

  it('outlives clients that disconnect at any moment', async () => {
    const echo: handleUnaryCall<Buffer, Buffer> = (request, callback) => callback(null, request.request);
    const methods = { 'a.B/Changed': { kind: 'unary', handle: echo }, 'a.B/Passed': { kind: 'unary', handle: echo } };
    const server = await startScriptedRuntime(runtime, methods as Parameters<typeof startScriptedRuntime>[1]);
    undo.push(server.kill);
    for (let round = 0; round < 100; round++) {
      const session = connect();
      for (const path of ['/a.B/Changed', '/a.B/Passed']) {
        const stream = call(session, path);
        stream.write(Buffer.from([0, 0, 0, 0, 4, 1]));
        if (round % 2 === 0) stream.end(Buffer.from([2, 3, 4]));
      }
      await sleep(round % 8);
      session.destroy();
    }
    const client = new BytesClient(listen);
    undo.push(() => client.close());
    assert.equal((await client.unary('a.B/Changed', Buffer.from('alive'))).message.toString(), 'alive');
  });
});
