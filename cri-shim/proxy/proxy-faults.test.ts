import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { connect as connectSocket, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { endHeaders, endStream, frame, hasAsked, hasEnded, headerList } from '#test/support/cri/http2-frames';
import { BytesClient, startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { startProxy } from './proxy.ts';
import type { UnaryHandler } from './unary-call.ts';

const changing: UnaryHandler = async ({ request }) => ({ forward: request, onReply: (reply) => reply });

describe('proxy, where an end misbehaves', () => {
  let directory: string;
  let runtime: string;
  let listen: string;
  const undo: (() => Promise<unknown> | unknown)[] = [];
  /** What would have ended the shim. */
  const uncaught: unknown[] = [];
  process.on('uncaughtExceptionMonitor', (error) => uncaught.push(error));

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-faults-'));
    [runtime, listen] = [join(directory, 'runtime.sock'), join(directory, 'shim.sock')];
    const handlers = new Map([['a.B/Changed', changing]]);
    const proxy = await startProxy({ listen, runtime, handlers, onError: () => undefined, drainMilliseconds: 100 });
    undo.push(() => rm(directory, { recursive: true }), proxy.stop);
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

  it('reads no more of an answer than a message may have, and tells both ends', async () => {
    const server = http2.createServer({ settings: { initialWindowSize: 1024 * 1024 } });
    let sent = 0;
    let ended = Number.NaN;
    const piece = Buffer.alloc(64 * 1024);
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.on('close', () => {
        ended = stream.rstCode;
      });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      // No message announces so much; none of the bytes after it is wanted.
      stream.write(Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]));
      const more = (): void => {
        if (stream.destroyed || sent > 256 * 1024 * 1024) return;
        sent += piece.length;
        stream.write(piece, more);
      };
      more();
    });
    await new Promise<void>((resolve) => {
      server.listen(runtime, resolve);
    });
    undo.push(() => server.close());
    const stream = call(connect(), '/a.B/Changed');
    let status = '';
    stream.on('trailers', (trailers) => {
      status = String(trailers['grpc-status']);
    });
    stream.end(Buffer.alloc(5));
    await closed(stream);
    assert.equal(status, '13');
    while (Number.isNaN(ended)) await sleep(10);
    assert.equal(ended, http2.constants.NGHTTP2_CANCEL);
    assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes were taken`);
  });

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

  /** Starts a runtime that takes any stream and returns what it was asked, as `method path`. */
  async function startRecordingRuntime(): Promise<string[]> {
    const asked: string[] = [];
    const server = http2.createServer();
    server.on('stream', (stream, headers) => {
      asked.push(`${headers[':method']} ${headers[':path']}`);
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
    });
    await new Promise<void>((resolve) => {
      server.listen(runtime, resolve);
    });
    undo.push(() => server.close());
    return asked;
  }

  /** The gRPC status of a call with these pseudo-headers, or the code of the reset without one. */
  async function statusOf(headers: http2.OutgoingHttpHeaders): Promise<string> {
    const session = connect();
    const stream = session.request({ 'content-type': 'application/grpc', ...headers });
    let answered: string | undefined;
    stream.on('error', () => undefined);
    stream.on('response', (answer) => {
      answered = `status ${String(answer['grpc-status'])}`;
    });
    stream.resume();
    stream.end();
    const code = await closed(stream);
    session.destroy();
    return answered ?? `reset ${code}`;
  }

  it('passes on no call whose path is not /service/method, whatever its scheme', async () => {
    const asked = await startRecordingRuntime();
    const paths = [
      ...['a.B/Changed', 'http://localhost/a.B/Changed', '//a.B/Changed', '/a.B//Changed', '/a.B/Changed/'],
      ...['/a.B%2FChanged', '/a.B%2fChanged', '/%61.B/Changed', '/a.B/Changed?', '/a.B/Changed?x=1', '/a.B/Changed#x'],
      ...['/', '*', '/Changed', '/x/a.B/Changed', '/./a.B/Changed', '/a.B/../a.B/Changed', '/a.B\\Changed', '/a.B/'],
      ...[
        '/a..B/Changed',
        '/.a.B/Changed',
        '/a.B./Changed',
        '/a.B/Changed;x',
        '/a.B/Chänged',
        '/a.B/Changed,/a.B/Passed',
      ],
    ];
    for (const scheme of ['http', 'coap', 'grpc', 'unix']) {
      for (const path of paths) {
        const status = await statusOf({ ':method': 'POST', ':scheme': scheme, ':path': path });
        // nghttp2 itself resets what RFC 9113, 8.3.1 forbids under http.
        assert.match(status, scheme === 'http' ? /^(status 12|reset 1)$/ : /^status 12$/, `${scheme} ${path}`);
      }
    }
    assert.deepEqual(asked, []);
    assert.equal(await statusOf({ ':method': 'POST', ':scheme': 'coap', ':path': '/a.B/Passed_2' }), 'status 0');
    assert.deepEqual(asked, ['POST /a.B/Passed_2']);
  });

  it('passes on nothing but POST, and nothing with a path that is missing, empty or comes twice', async () => {
    const asked = await startRecordingRuntime();
    for (const method of ['GET', 'PUT', 'OPTIONS', 'post']) {
      assert.equal(await statusOf({ ':method': method, ':path': '/a.B/Passed' }), 'status 12', method);
    }
    const line = (name: string, value: string): [string, string] => [name, value];
    const scheme = (name: string) => line(':scheme', name);
    const post = line(':method', 'POST');
    const path = line(':path', '/a.B/Passed');
    const host = line(':authority', 'localhost');
    const lists = ['http', 'coap'].flatMap((name) => [
      headerList(post, scheme(name), host),
      headerList(post, scheme(name), host, [':path', '']),
      headerList(post, scheme(name), host, path, [':path', 'a.B/Changed']),
      headerList(post, scheme(name), host, path, ['content-type', 'application/grpc'], [':path', 'a.B/Changed']),
    ]);
    lists.push(headerList([':method', 'CONNECT'], host), headerList([':method', 'CONNECT'], host, path));
    for (const list of lists) {
      const socket = connectSocket(listen);
      undo.push(() => void socket.destroy());
      let heard: Buffer = Buffer.alloc(0);
      socket.on('data', (bytes) => {
        heard = Buffer.concat([heard, bytes]);
      });
      const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      socket.write(Buffer.concat([preface, frame(4, 0, 0), frame(1, endHeaders | endStream, 1, list)]));
      for (let tries = 0; tries < 200 && !hasEnded(heard); tries++) await sleep(10);
      assert.ok(hasEnded(heard), String(list));
      socket.destroy();
    }
    assert.deepEqual(asked, []);
    assert.equal(await statusOf({ ':method': 'POST', ':path': '/a.B/Passed' }), 'status 0');
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
