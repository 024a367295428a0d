import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { frameMessage } from './message.ts';
import { runtimeCaller } from './runtime-call.ts';

describe('a call to the runtime', { timeout: 10_000 }, () => {
  let folder: string;
  let server: Server;
  const call = (signal: AbortSignal) => runtimeCaller(join(folder, 'sock'))('a.B/C', Buffer.alloc(0), signal);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-call-'));
    server = createServer((socket) => socket.resume()).listen(join(folder, 'sock'));
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });

  it('ends with its caller’s patience where it is not answered, and leaves no connection', async () => {
    const given = new AbortController();
    const connected = once(server, 'connection');
    const calling = call(given.signal);
    const [socket] = (await connected) as [Socket];
    given.abort();
    await assert.rejects(calling, { kind: 'Unavailable' });
    if (!socket.closed) await once(socket, 'close');
  });

  it('names the socket that cannot be opened, and tells it from a runtime that is too slow', async () => {
    const socket = join(folder, 'none');
    await assert.rejects(runtimeCaller(socket)('a.B/C', Buffer.alloc(0), new AbortController().signal), {
      kind: 'Unavailable',
      message: `the container runtime did not answer a.B/C: connect ENOENT ${socket}`,
    });
    await assert.rejects(call(AbortSignal.timeout(20)), {
      kind: 'Unavailable',
      message: 'the container runtime did not answer a.B/C in time',
    });
  });

  it('leaves no connection either where it ends by itself', async () => {
    const answering = createHttp2Server();
    const sessions = new Set<object>();
    answering.on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
    });
    answering.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end(frameMessage(Buffer.from('answer')));
    });
    answering.listen(join(folder, 'answering'));
    await once(answering, 'listening');
    const ask = runtimeCaller(join(folder, 'answering'));
    const signal = AbortSignal.timeout(5000);
    assert.equal(String(await ask('a.B/C', Buffer.alloc(0), signal)), 'answer');
    while (sessions.size > 0) await sleep(10);
    answering.close();
  });

  it('fails where the runtime ends its answer with another status than OK', async () => {
    const failing = createHttp2Server();
    failing.on('stream', (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '13', 'grpc-message': 'half%20done' }));
      stream.end(frameMessage(Buffer.from('answer')));
    });
    failing.listen(join(folder, 'failing'));
    await once(failing, 'listening');
    const ask = runtimeCaller(join(folder, 'failing'));
    await assert.rejects(ask('a.B/C', Buffer.alloc(0), AbortSignal.timeout(5000)), {
      kind: 'Unavailable',
      message: /a\.B\/C with status 13: half done/,
    });
    failing.close();
  });

  it('is not waited for where the caller has gone already', async () => {
    await assert.rejects(call(AbortSignal.abort()), { kind: 'Unavailable' });
  });
});
