import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from './proxy.ts';

async function eventually(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await sleep(10);
  assert.ok(condition());
}

describe('relay, between plain HTTP/2 ends', () => {
  it('adds no header, keeps lines apart and carries reset codes both ways', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-relay-'));
    const path = join(folder, 'raw.sock');
    const raw = http2.createServer();
    const resets: number[] = [];
    raw.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      stream.on('close', () => resets.push(stream.rstCode));
      if (headers[':path'] === '/reset') return stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      if (headers[':path'] === '/wait') return;
      stream.respond({ ':status': 200, two: ['a', 'b'] }, { sendDate: false } as http2.ServerStreamResponseOptions);
      stream.end('x');
    });
    await new Promise<void>((resolve) => {
      raw.listen(path, resolve);
    });
    const listen = join(folder, 'raw-shim.sock');
    const rawProxy = await startProxy({ listen, runtime: path, handlers: new Map(), onError: () => undefined });
    const session = http2.connect('http://localhost', { createConnection: () => connectSocket(listen) });
    const plain = session.request({ ':path': '/plain' });
    const [, , lines] = (await once(plain, 'response')) as [unknown, unknown, string[]];
    assert.deepEqual(lines, [':status', '200', 'two', 'a', 'two', 'b']);
    plain.resume();
    await once(plain, 'close');
    const reset = session.request({ ':path': '/reset' });
    reset.on('error', () => undefined);
    await new Promise((resolve) => reset.on('close', resolve)); // once() would take the reset for a failure
    assert.equal(reset.rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    const wait = session.request({ ':path': '/wait' });
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
    await rm(folder, { recursive: true });
  });
});
