import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type handleUnaryCall, status } from '@grpc/grpc-js';
import { callOver } from '#lib/cri/runtime-call';
import { BytesClient, startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { type RunningProxy, startProxy } from './proxy.ts';
import type { UnaryHandler } from './unary-call.ts';

const nothing = { answer: new Uint8Array() };

describe('a call that only the process may receive that the shim has asked', () => {
  let directory: string;
  let proxy: RunningProxy;
  let client: BytesClient;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let meanwhile: UnaryHandler;
  let received: string[];

  /** Starts a runtime that notes by its name what it receives. */
  async function start(name: string): Promise<void> {
    const handle: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
      received.push(`${name} ${call.getPath()}`);
      callback(null, Buffer.from(name));
    };
    const methods = { 'a.B/Ask': { kind: 'unary', handle }, 'a.B/C': { kind: 'unary', handle } } as const;
    runtime = await startScriptedRuntime(join(directory, 'runtime.sock'), methods);
  }
  /** Replaces the runtime by another one at the same socket, to which the shim connects again. */
  const replace: UnaryHandler = async ({ runtime: link, signal }) => {
    runtime.kill();
    await start('second');
    while (received.at(-1) !== 'second /a.B/Ask') {
      await callOver(link.pin(), 'a.B/Ask', new Uint8Array(), signal).catch(() => setImmediate());
    }
    return nothing;
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-pinned-'));
    received = [];
    meanwhile = async () => nothing;
    await start('first');
    proxy = await startProxy({
      listen: join(directory, 'shim.sock'),
      runtime: join(directory, 'runtime.sock'),
      handlers: new Map([
        [
          'a.B/C',
          async (call) => {
            const over = call.runtime.pin();
            await callOver(over, 'a.B/Ask', new Uint8Array(), call.signal);
            await meanwhile(call);
            return { forward: call.request, over };
          },
        ],
      ]),
      onError: () => undefined,
    });
    client = new BytesClient(join(directory, 'shim.sock'));
  });
  afterEach(async () => {
    client.close();
    await proxy.stop();
    runtime.kill();
    await rm(directory, { recursive: true });
  });

  it('reaches it', async () => {
    assert.equal((await client.unary('a.B/C', Buffer.from('x'))).message.toString(), 'first');
    assert.deepEqual(received, ['first /a.B/Ask', 'first /a.B/C']);
  });

  it('is refused if the runtime was replaced meanwhile, and the next call reaches the new one', async () => {
    meanwhile = replace;
    await assert.rejects(client.unary('a.B/C', Buffer.from('x')), { code: status.UNAVAILABLE });
    // The client of gRPC may repeat a call that reached no runtime: then it is asked again.
    assert.deepEqual(
      received.filter((call) => !call.endsWith('/a.B/Ask')),
      [],
    );
    meanwhile = async () => nothing;
    assert.equal((await client.unary('a.B/C', Buffer.from('x'))).message.toString(), 'second');
  });
});
