import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { runtimeCaller } from './runtime-call.ts';

describe('a call to a runtime that does not answer', { timeout: 10_000 }, () => {
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

  it('ends with its caller’s patience, and leaves no connection', async () => {
    const given = new AbortController();
    const connected = once(server, 'connection');
    const calling = call(given.signal);
    const [socket] = (await connected) as [Socket];
    given.abort();
    await assert.rejects(calling, { kind: 'Unavailable' });
    if (!socket.closed) await once(socket, 'close');
  });

  it('is not waited for where the caller has gone already', async () => {
    await assert.rejects(call(AbortSignal.abort()), { kind: 'Unavailable' });
  });
});
