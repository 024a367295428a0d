import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { handleServerStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import { launcher } from '#test/support/cli/run';
import { BytesClient, startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { startManager } from '#test/support/cri/socket-manager';

const service = 'runtime.v1.RuntimeService';
const empty = new Uint8Array();
/** Within this time a shim without running calls ends, in milliseconds. */
const fast = 500;

describe('the shim is restarted', { timeout: 60_000 }, () => {
  let directory: string;
  let socket: string;
  let runtime: Awaited<ReturnType<typeof startScriptedRuntime>>;
  /** Lets StopContainer answer. */
  let answer: PromiseWithResolvers<void>;
  let stopping: PromiseWithResolvers<void>;
  const undo: (() => void)[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fairlead-restart-'));
    socket = join(directory, 'shim.sock');
    [answer, stopping] = [Promise.withResolvers(), Promise.withResolvers()];
    writeFileSync(join(directory, 'policy.yaml'), 'apiVersion: fairlead.dev/v1\nkind: TrustPolicy\nrules: []\n');
    const version: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, Buffer.alloc(0));
    const stop: handleUnaryCall<Buffer, Buffer> = (_call, callback) => {
      stopping.resolve();
      void answer.promise.then(() => callback(null, Buffer.alloc(0)));
    };
    const events: handleServerStreamingCall<Buffer, Buffer> = (call) => void call.write(Buffer.from([10, 0]));
    runtime = await startScriptedRuntime(join(directory, 'runtime.sock'), {
      [`${service}/Version`]: { kind: 'unary', handle: version },
      [`${service}/StopContainer`]: { kind: 'unary', handle: stop },
      [`${service}/GetContainerEvents`]: { kind: 'serverStream', handle: events },
    });
    undo.push(() => runtime.kill());
  });
  afterEach(() => {
    for (const step of undo.splice(0).reverse()) step();
    rmSync(directory, { recursive: true });
  });

  function command(): readonly string[] {
    const options = ['--listen', `unix://${socket}`, '--runtime', `unix://${join(directory, 'runtime.sock')}`];
    const files = ['--policy', join(directory, 'policy.yaml'), '--state', join(directory, 'state')];
    return [process.execPath, launcher, 'shim', ...options, ...files];
  }
  /** Starts a shim, and waits until it is ready. */
  async function startShim(): Promise<ChildProcess> {
    const [program = '', ...args] = command();
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    undo.push(() => child.kill('SIGKILL'));
    const log = await logUntil(child, '"the shim is ready"');
    assert.match(log.split('\n')[0] ?? '', /"version":"\d+\.\d+\.\d+".*"fairlead \d+\.\d+\.\d+ starts"/);
    return child;
  }
  function logUntil({ stdout }: ChildProcess, text: string): Promise<string> {
    let log = '';
    return new Promise((resolve) => {
      const read = (piece: Buffer): void => {
        log += piece;
        if (!log.includes(text)) return;
        stdout?.off('data', read).resume();
        resolve(log);
      };
      stdout?.on('data', read);
    });
  }
  function newClient(): BytesClient {
    const client = new BytesClient(socket);
    undo.push(() => client.close());
    return client;
  }
  async function end(child: ChildProcess): Promise<number> {
    const begun = performance.now();
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    return performance.now() - begun;
  }

  it('fast if no call is running, also with an open stream of events and a silent connection', async () => {
    const shim = await startShim();
    const client = newClient();
    await client.unary(`${service}/Version`, empty);
    const silent = connect(socket);
    undo.push(() => void silent.destroy());
    await once(silent, 'connect');
    const events = client.serverStream(`${service}/GetContainerEvents`, empty);
    await once(events, 'data');
    const failed = once(events, 'error') as Promise<[{ code: number }]>;
    const took = await end(shim);
    assert.equal((await failed)[0].code, 14);
    assert.ok(took < fast, `it took ${took} ms`);
  });

  it('after the calls that are running', async () => {
    const shim = await startShim();
    const client = newClient();
    const stopped = client.unary(`${service}/StopContainer`, empty);
    await stopping.promise;
    const ended = end(shim);
    await delay(fast);
    assert.equal(shim.exitCode, null);
    answer.resolve();
    await stopped;
    await ended;
  });

  it('and refuses no call if the service manager listens', async () => {
    const manager = await startManager(socket, command());
    undo.push(() => manager.kill('SIGKILL'));
    const pidOf = (log: string): number => Number(/"pid":(\d+)/.exec(log)?.[1]);
    const calls: Promise<unknown>[] = [];
    let isOver = false;
    const callOnAndOn = (async () => {
      while (!isOver) {
        calls.push(newClient().unary(`${service}/Version`, empty, { timeout: 30_000 }));
        await delay(20);
      }
    })();
    for (let restarts = 0; restarts < 4; restarts++) {
      manager.stdin?.write('start\n');
      const pid = pidOf(await logUntil(manager, '"the shim is ready"'));
      undo.push(() => ended(pid));
      await delay(100);
      if (restarts === 3) break;
      const stopped = logUntil(manager, 'has ended');
      process.kill(pid, 'SIGTERM');
      await stopped;
    }
    isOver = true;
    await callOnAndOn;
    await Promise.all(calls);
    assert.ok(calls.length > 20);
  });
});

function ended(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}
