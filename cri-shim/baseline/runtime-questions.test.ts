import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { type CriClient, criClient } from '#lib/cri/client';
import { FakeRuntime } from '#test/support/cri/fake-runtime';
import { startScriptedRuntime } from '#test/support/cri/scripted-runtime';
import { RuntimeConnection } from '../../lib/cri/runtime-connection.ts';
import { askContainerInfo, askFacts, askHandler } from './runtime-questions.ts';

const service = 'runtime.v1.RuntimeService';

describe('questions to the runtime', { timeout: 10_000 }, () => {
  let directory: string;
  let scripted: Awaited<ReturnType<typeof startScriptedRuntime>>;
  let connection: RuntimeConnection;
  let cri: CriClient;
  const runtime = new FakeRuntime();
  const signal = AbortSignal.timeout(9000);
  type Methods = ReturnType<FakeRuntime['methods']>;
  const start = async (methods: Methods) => {
    scripted = await startScriptedRuntime(join(directory, 'sock'), methods);
  };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-questions-'));
    connection = new RuntimeConnection(join(directory, 'sock'));
    cri = criClient(connection.call);
  });
  afterEach(async () => {
    connection.close();
    scripted.kill();
    await rm(directory, { recursive: true });
  });

  it('are answered with its name, version and configuration, handlers and details of containers', async () => {
    await start(runtime.methods());
    runtime.handlers.set('pod', 'own');
    runtime.infos.set('c1', '{"pid": 1}');
    const { name, version, configuration } = await askFacts(cri, signal);
    assert.deepEqual([name, version, configuration?.defaultHandler], ['cri-o', '1.37.0', 'crun']);
    assert.equal(await askHandler(cri, 'pod', signal), 'own');
    assert.equal(await askHandler(cri, 'other', signal), '');
    assert.equal(await askContainerInfo(cri, 'c1', signal), '{"pid": 1}');
    assert.equal(await askContainerInfo(cri, 'c2', signal), undefined);
    runtime.config = undefined;
    assert.deepEqual(await askFacts(cri, signal), { name, version });
  });

  it('that it does not know leave the configuration and the handler open', async () => {
    const { [`${service}/Version`]: version } = runtime.methods();
    assert.ok(version !== undefined);
    await start({ [`${service}/Version`]: version });
    assert.deepEqual(await askFacts(cri, signal), { name: 'cri-o', version: '1.37.0' });
    assert.equal(await askHandler(cri, 'pod', signal), '');
    await assert.rejects(askContainerInfo(cri, 'c1', signal), { kind: 'Unavailable' });
  });

  it('that it refuses are errors', async () => {
    const refuse: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback({ code: 2, details: 'broken' });
    const names = ['Status', 'PodSandboxStatus'].map((name) => `${service}/${name}`);
    const refused = Object.fromEntries(names.map((name) => [name, { kind: 'unary' as const, handle: refuse }]));
    await start({ ...runtime.methods(), ...refused });
    await assert.rejects(askFacts(cri, signal), { kind: 'Unavailable', message: /Status.*broken/ });
    await assert.rejects(askHandler(cri, 'pod', signal), { message: /PodSandboxStatus.*broken/ });
  });

  it('have answers that are messages of the CRI', async () => {
    const odd: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, Buffer.from([0x12, 0xff]));
    await start({ ...runtime.methods(), [`${service}/Version`]: { kind: 'unary', handle: odd } });
    await assert.rejects(askFacts(cri, signal), { kind: 'Unavailable', message: /invalid message/ });
  });
});
