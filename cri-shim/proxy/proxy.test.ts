import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  status,
} from '@grpc/grpc-js';
import { FairleadError } from '#lib/errors';
import { BytesClient, startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { type RunningProxy, startProxy } from './proxy.ts';
import type { UnaryHandler } from './unary-call.ts';

let directory: string;
let runtimePath: string;
let shimPath: string;
const errors: unknown[] = [];
const seen = { cancelled: 0 };

const echo: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
  const trailer = new Metadata();
  trailer.add('twice', 'one');
  trailer.add('twice', 'two');
  trailer.add('blob-bin', Buffer.from([0, 255, 1]));
  const header = new Metadata();
  header.add('sent', call.metadata.get('from-client').join('|'));
  header.add('sent-bin', Buffer.from(call.metadata.get('from-client-bin')[0] ?? ''));
  call.sendMetadata(header);
  callback(null, call.request, trailer);
};
const fail: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
  const metadata = new Metadata();
  metadata.add('detail-bin', Buffer.from([1, 2, 3]));
  callback({ code: status.FAILED_PRECONDITION, details: 'niemals: nö 100%', metadata });
};
const hang: handleUnaryCall<Buffer, Buffer> = (call) => {
  call.on('cancelled', () => {
    seen.cancelled++;
  });
};
const list: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  const [count = 0, size = 0] = JSON.parse(call.request.toString()) as number[];
  let sent = 0;
  const more = (): void => {
    while (sent < count) {
      sent++;
      if (!call.write(Buffer.alloc(size, sent))) return void call.once('drain', more);
    }
    call.end();
  };
  more();
};
const forever: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  call.write(Buffer.from('first'));
  call.on('cancelled', () => {
    seen.cancelled++;
  });
};
const talk: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (chunk: Buffer) => call.write(chunk));
  call.on('end', () => call.end());
};
const methods = {
  'a.B/Echo': { kind: 'unary', handle: echo },
  'a.B/Changed': { kind: 'unary', handle: echo },
  'a.B/ChangedFail': { kind: 'unary', handle: fail },
  'a.B/ChangedHang': { kind: 'unary', handle: hang },
  'a.B/Fail': { kind: 'unary', handle: fail },
  'a.B/Hang': { kind: 'unary', handle: hang },
  'a.B/List': { kind: 'serverStream', handle: list },
  'a.B/Forever': { kind: 'serverStream', handle: forever },
  'a.B/Talk': { kind: 'bidi', handle: talk },
} as const;

const changing: UnaryHandler = async ({ request }) => ({
  forward: Buffer.concat([request, Buffer.from('+asked')]),
  onReply: (reply) => Buffer.concat([reply, Buffer.from('+answered')]),
});
const handlers = new Map<string, UnaryHandler>([
  ['a.B/Changed', changing],
  ['a.B/ChangedFail', changing],
  ['a.B/ChangedHang', changing],
  ['a.B/Served', async ({ request }) => ({ answer: Buffer.from(`served ${request.length}`) })],
  [
    'a.B/Refused',
    async () => {
      throw new FairleadError('ProfileInvalid', 'two layers', { hint: 'Publish one.' });
    },
  ],
  [
    'a.B/Slow',
    async ({ signal }) => {
      await once(signal, 'abort');
      seen.cancelled++;
      throw signal.reason;
    },
  ],
]);

async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(10);
  assert.ok(condition());
}

describe('proxy', () => {
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let proxy: RunningProxy;
  let client: BytesClient;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-proxy-'));
    runtimePath = join(directory, 'runtime.sock');
    shimPath = join(directory, 'run', 'shim.sock');
    runtime = await startScriptedRuntime(runtimePath, methods);
    proxy = await startProxy({
      listen: shimPath,
      runtime: runtimePath,
      handlers,
      onError: (_method, thrown) => errors.push(thrown),
      drainMilliseconds: 300,
    });
    client = new BytesClient(shimPath);
  });
  afterEach(() => {
    errors.length = 0;
    seen.cancelled = 0;
  });
  after(async () => {
    client.close();
    await proxy.stop();
    runtime.kill();
    await rm(directory, { recursive: true });
  });

  it('passes a unary call with its metadata, headers and trailers', async () => {
    const metadata = new Metadata();
    metadata.add('from-client', 'one');
    metadata.add('from-client', 'two');
    metadata.add('from-client-bin', Buffer.from([9, 0, 200]));
    const { message, header, trailer } = await client.unary('a.B/Echo', Buffer.from('hello'), { metadata });
    assert.equal(message.toString(), 'hello');
    assert.deepEqual(header.get('sent'), ['one, two'], 'grpc-js joins them; the raw test below shows them apart');
    assert.deepEqual(header.get('sent-bin'), [Buffer.from([9, 0, 200])]);
    assert.deepEqual(trailer.get('twice'), ['one, two']);
    assert.deepEqual(trailer.get('blob-bin'), [Buffer.from([0, 255, 1])]);
  });

  it('passes an error with its code, text and trailers', async () => {
    await assert.rejects(
      client.unary('a.B/Fail', Buffer.alloc(0)),
      (error: { code: number; details: string; metadata: Metadata }) => {
        assert.equal(error.code, status.FAILED_PRECONDITION);
        assert.equal(error.details, 'niemals: nö 100%');
        assert.deepEqual(error.metadata.get('detail-bin'), [Buffer.from([1, 2, 3])]);
        return true;
      },
    );
    await assert.rejects(client.unary('no.Such/Method', Buffer.alloc(0)), { code: status.UNIMPLEMENTED });
  });

  it('passes deadlines and cancellation to the runtime', async () => {
    await assert.rejects(client.unary('a.B/Hang', Buffer.alloc(0), { timeout: 100 }), {
      code: status.DEADLINE_EXCEEDED,
    });
    await eventually(() => seen.cancelled === 1);
    const stream = client.serverStream('a.B/Forever', Buffer.alloc(0));
    stream.on('error', () => undefined);
    await once(stream, 'data');
    stream.cancel();
    await eventually(() => seen.cancelled === 2);
  });

  it('passes messages of 16 MiB both ways, and long streams', async () => {
    const big = Buffer.alloc(16 * 1024 * 1024, 7);
    const { message } = await client.unary('a.B/Echo', big);
    assert.ok(message.equals(big));
    let bytes = 0;
    for await (const chunk of client.serverStream('a.B/List', Buffer.from('[200, 65536]')))
      bytes += (chunk as Buffer).length;
    assert.equal(bytes, 200 * 65536);
  });

  it('passes a conversation', async () => {
    const call = client.bidi('a.B/Talk');
    const heard: string[] = [];
    for (let i = 0; i < 50; i++) {
      call.write(Buffer.from(`word ${i}`));
      const [answer] = (await once(call, 'data')) as [Buffer];
      heard.push(answer.toString());
    }
    call.end();
    await once(call, 'status');
    assert.equal(heard.length, 50);
    assert.equal(heard[49], 'word 49');
  });

  it('keeps 300 calls at once apart', async () => {
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, i) => client.unary('a.B/Echo', Buffer.from(`${i}`))),
    );
    assert.deepEqual(
      answers.map(({ message }) => Number(message.toString())),
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  it('lets a handler answer, change both messages, or refuse', async () => {
    assert.equal((await client.unary('a.B/Served', Buffer.alloc(3))).message.toString(), 'served 3');
    const changed = await client.unary('a.B/Changed', Buffer.from('text'), { timeout: 5000 });
    assert.equal(changed.message.toString(), 'text+asked+answered');
    assert.deepEqual(changed.trailer.get('twice'), ['one, two']);
    await assert.rejects(client.unary('a.B/Refused', Buffer.alloc(0)), {
      code: status.INVALID_ARGUMENT,
      details: 'SecurityProfileInvalid: two layers (Publish one.)',
    });
    assert.equal(errors.length, 1);
  });

  it("passes the runtime's error where a handler wants to change the answer", async () => {
    await assert.rejects(client.unary('a.B/ChangedFail', Buffer.alloc(0)), {
      code: status.FAILED_PRECONDITION,
      details: 'niemals: nö 100%',
    });
  });

  it('keeps the deadline while a handler works and while the runtime answers it', async () => {
    // The handler gives up early enough for the client to get the reason.
    await assert.rejects(client.unary('a.B/Slow', Buffer.alloc(0), { timeout: 1000 }), { code: status.UNAVAILABLE });
    await eventually(() => seen.cancelled === 1);
    await assert.rejects(client.unary('a.B/ChangedHang', Buffer.alloc(0), { timeout: 100 }), {
      code: status.DEADLINE_EXCEEDED,
    });
    await eventually(() => seen.cancelled === 2);
  });

  it('refuses a message to a handler that is compressed, too long, broken off or twice', async () => {
    const session = http2.connect('http://localhost', { createConnection: () => connectSocket(shimPath) });
    const call = async (body: Buffer, path = '/a.B/Served') => {
      const stream = session.request({
        ':method': 'POST',
        ':path': path,
        'content-type': 'application/grpc',
        te: 'trailers',
      });
      stream.on('error', () => undefined);
      stream.end(body);
      stream.resume();
      const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => {
        stream.on('close', () => resolve({ 'grpc-status': `reset ${stream.rstCode}` }));
        stream.on('response', (head) => {
          if (head['grpc-status'] !== undefined) resolve(head);
        });
        stream.on('trailers', resolve);
      });
      return headers['grpc-status'];
    };
    assert.equal(await call(Buffer.from([0, 0, 0, 0, 1, 65])), '0');
    assert.equal(await call(Buffer.from([1, 0, 0, 0, 1, 65])), '3', 'compressed');
    assert.equal(await call(Buffer.from([0, 2, 0, 0, 0, 65])), '8', '32 MiB');
    assert.equal(await call(Buffer.from([0, 0, 0, 0, 2, 65])), '3', 'broken off');
    assert.equal(await call(Buffer.from([0, 0, 0, 0, 1, 65, 0, 0, 0, 0, 0])), '3', 'two messages');
    assert.equal(await call(Buffer.alloc(0)), '3', 'none');
    const bare = await call(Buffer.from([1, 0, 0, 0, 1, 65]), 'a.B/Served');
    assert.equal(bare, `reset ${http2.constants.NGHTTP2_PROTOCOL_ERROR}`, 'no way around the handler');
    session.close();
  });

  it('returns UNAVAILABLE while the runtime is down and works again afterwards', async () => {
    const open = client.serverStream('a.B/Forever', Buffer.alloc(0));
    await once(open, 'data');
    const lost = once(open, 'error') as Promise<[{ code: number }]>;
    runtime.kill();
    assert.equal((await lost)[0].code, status.UNAVAILABLE);
    await assert.rejects(client.unary('a.B/Echo', Buffer.from('x')), { code: status.UNAVAILABLE });
    await assert.rejects(client.unary('a.B/Changed', Buffer.from('x')), { code: status.UNAVAILABLE });
    runtime = await startScriptedRuntime(runtimePath, methods);
    assert.equal((await client.unary('a.B/Echo', Buffer.from('back'))).message.toString(), 'back');
  });

  it('makes a new connection after the runtime said GOAWAY and ends the open stream whole', async () => {
    const call = client.bidi('a.B/Talk');
    call.write(Buffer.from('before'));
    await once(call, 'data');
    runtime.shutDown();
    await rm(runtimePath, { force: true });
    runtime = await startScriptedRuntime(runtimePath, methods);
    assert.equal((await client.unary('a.B/Echo', Buffer.from('new'))).message.toString(), 'new');
    call.write(Buffer.from('after'));
    const [answer] = (await once(call, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'after');
    call.end();
    await once(call, 'status');
  });

  it('stops after the calls that run, and cuts those that never end', async () => {
    const listen = join(directory, 'draining.sock');
    const draining = await startProxy({
      listen,
      runtime: runtimePath,
      handlers,
      onError: () => undefined,
      drainMilliseconds: 300,
    });
    const other = new BytesClient(listen);
    const call = other.bidi('a.B/Talk');
    call.on('error', () => undefined);
    call.write(Buffer.from('a'));
    await once(call, 'data');
    const begun = performance.now();
    const stopped = draining.stop();
    call.write(Buffer.from('b'));
    const [answer] = (await once(call, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'b');
    await stopped;
    assert.ok(performance.now() - begun < 2000);
    other.close();
  });
});
