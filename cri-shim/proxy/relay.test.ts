import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from './proxy.ts';

async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(10);
  assert.ok(condition());
}

describe('relay, between plain HTTP/2 ends', () => {
  it('adds no header, keeps lines apart and carries reset codes both ways', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-relay-'));
    const path = join(directory, 'raw.sock');
    const raw = http2.createServer();
    const resets: number[] = [];
    raw.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      stream.on('close', () => resets.push(stream.rstCode));
      if (headers[':path'] === '/a.B/Reset') return stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      if (headers[':path'] === '/a.B/Wait') return;
      stream.respond({ ':status': 200, two: ['a', 'b'] }, { sendDate: false } as http2.ServerStreamResponseOptions);
      stream.end('x');
    });
    await new Promise<void>((resolve) => {
      raw.listen(path, resolve);
    });
    const listen = join(directory, 'raw-shim.sock');
    const rawProxy = await startProxy({ listen, runtime: path, handlers: new Map(), onError: () => undefined });
    const session = http2.connect('http://localhost', { createConnection: () => connectSocket(listen) });
    const plain = session.request({ ':method': 'POST', ':path': '/a.B/Plain' });
    const [, , lines] = (await once(plain, 'response')) as [unknown, unknown, string[]];
    assert.deepEqual(lines, [':status', '200', 'two', 'a', 'two', 'b']);
    plain.resume();
    await once(plain, 'close');
    const reset = session.request({ ':method': 'POST', ':path': '/a.B/Reset' });
    reset.on('error', () => undefined);
    await new Promise((resolve) => reset.on('close', resolve)); // once() would take the reset for a failure
    assert.equal(reset.rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const wait = session.request({ ':method': 'POST', ':path': '/a.B/Wait' });
    wait.on('error', () => undefined);
    await sleep(50);
    wait.close(http2.constants.NGHTTP2_CANCEL);
    await eventually(() => resets.includes(http2.constants.NGHTTP2_CANCEL));
    await new Promise<void>((resolve, reject) => {
      session.ping((error) => (error === null ? resolve() : reject(error)));
    });
    session.close();
    await rawProxy.stop();
    raw.close();
    await rm(directory, { recursive: true });
  });

  it('takes from neither side more than the other reads', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-relay-'));
    const [path, listen] = [join(directory, 'raw.sock'), join(directory, 'raw-shim.sock')];
    const raw = http2.createServer();
    const taken = { answer: 0, request: 0 };
    const piece = Buffer.alloc(64 * 1024);
    const pour = (into: Writable, count: keyof typeof taken): void => {
      const more = (): void => {
        if (taken[count] >= 64 * 1024 * 1024 || into.destroyed) return;
        into.write(piece, () => {
          taken[count] += piece.length;
          more();
        });
      };
      more();
    };
    raw.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      stream.pause();
      stream.respond({ ':status': 200 });
      if (headers[':path'] === '/a.B/answer') pour(stream, 'answer');
    });
    await new Promise<void>((resolve) => {
      raw.listen(path, resolve);
    });
    const proxy = await startProxy({ listen, runtime: path, handlers: new Map(), onError: () => undefined });
    const session = http2.connect('http://localhost', { createConnection: () => connectSocket(listen) });
    session.on('error', () => undefined);
    for (const count of ['answer', 'request'] as const) {
      const stream = session.request({ ':path': `/a.B/${count}`, ':method': 'POST' }, { endStream: false });
      stream.on('error', () => undefined);
      stream.pause();
      if (count === 'request') pour(stream, 'request');
      let before = -1;
      while (taken[count] > before) {
        before = taken[count];
        await sleep(200);
      }
      assert.ok(before > 0 && before < 8 * 1024 * 1024, `${count}: ${before}`);
      stream.destroy();
    }
    session.destroy();
    await proxy.stop();
    raw.close();
    await rm(directory, { recursive: true });
  });
});
