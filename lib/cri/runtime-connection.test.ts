import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { RuntimeConnection } from './runtime-connection.ts';

const method = 'runtime.v1.RuntimeService/Version';

describe('a connection to the runtime', { timeout: 10_000 }, () => {
  let folder: string;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let connection: RuntimeConnection;
  const start = async (handle: handleUnaryCall<Buffer, Buffer>) => {
    runtime = await startScriptedRuntime(join(folder, 'sock'), { [method]: { kind: 'unary', handle } });
  };
  const answer =
    (text: string): handleUnaryCall<Buffer, Buffer> =>
    (_call, callback) =>
      callback(null, Buffer.from(text));
  const call = async (signal = AbortSignal.timeout(5000)) =>
    String(await connection.call(method, Buffer.alloc(0), signal));

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fairlead-connection-'));
    connection = new RuntimeConnection(join(folder, 'sock'));
  });
  afterEach(async () => {
    connection.close();
    runtime?.kill();
    await rm(folder, { recursive: true });
  });

  it('is opened by the first call and stays open', async () => {
    await start(answer('one'));
    assert.equal(connection.current, undefined);
    assert.equal(await call(), 'one');
    const { current } = connection;
    assert.notEqual(current, undefined);
    assert.equal(await call(), 'one');
    assert.equal(connection.current, current);
  });

  it('is another one once the runtime was restarted', async () => {
    await start(answer('old'));
    await call();
    const { current } = connection;
    runtime.kill();
    while (connection.current !== undefined) await sleep(5);
    await assert.rejects(call(), { kind: 'Unavailable', hint: /crictl/ });
    assert.equal(connection.current, undefined, 'an attempt to connect is no connection');
    await rm(join(folder, 'sock'), { force: true });
    await start(answer('new'));
    assert.equal(await call(), 'new');
    assert.notEqual(connection.current, current);
  });

  it('survives a call that its caller gives up', async () => {
    let held: (() => void) | undefined;
    await start((_call, callback) => {
      if (held === undefined) held = () => callback(null, Buffer.from('late'));
      else callback(null, Buffer.from('soon'));
    });
    const given = new AbortController();
    const slow = call(given.signal);
    while (held === undefined) await sleep(5);
    const { current } = connection;
    given.abort();
    await assert.rejects(slow, { kind: 'Unavailable' });
    assert.equal(await call(), 'soon');
    assert.equal(connection.current, current);
    held();
  });

  it('reports what the runtime refuses, and why', async () => {
    await start((_call, callback) => callback({ code: 5, details: 'sandbox "x" is not found: 100 %' }));
    await assert.rejects(call(), { kind: 'NotFound', message: /Version.* sandbox "x" is not found: 100 %/ });
    runtime.kill();
    await rm(join(folder, 'sock'), { force: true });
    await start((_call, callback) => callback({ code: 2, details: 'no space left' }));
    await assert.rejects(call(), { kind: 'Unavailable', message: /status 2: no space left/ });
  });
});
