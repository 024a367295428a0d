import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, toBinary } from '@bufbuild/protobuf';
import { criClient } from '#lib/cri/client';
import { openStore } from '#lib/node/store/store';
import { type Digest, digestOf } from '#lib/registry/digest';
import { ListContainersResponseSchema, ListPodSandboxResponseSchema } from '../../lib/cri/gen/cri_pb.js';
import type { CallRuntime } from '../../lib/cri/runtime-call.ts';
import type { ShimLog } from '../report/shim-log.ts';
import { Tidier } from './tidy.ts';
import { recordUse } from './uses.ts';

const digest = digestOf(Buffer.from('artifact'));
const appArmor = { time: 0, dropUnused: async () => [] };

describe('uses of artifacts', () => {
  it('are forgotten when their containers are gone, for any number of them, and kept while the runtime is down', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-uses-'));
    const store = await openStore(directory);
    let down = false;
    const callRuntime: CallRuntime = async (method) => {
      if (down) throw new Error('down');
      return method.endsWith('ListContainers')
        ? toBinary(ListContainersResponseSchema, create(ListContainersResponseSchema, { containers: [{ id: 'c0' }] }))
        : toBinary(ListPodSandboxResponseSchema, create(ListPodSandboxResponseSchema, { items: [{ id: 's0' }] }));
    };
    const warnings: unknown[] = [];
    const log = { warn: (...record: unknown[]) => warnings.push(record) } as unknown as ShimLog;
    const tidier = new Tidier({ store, appArmor, runtime: criClient(callRuntime), log });
    const use = async (id: string, of: Digest): Promise<void> => {
      await recordUse(id, { artifacts: [of] }, { store, log });
      tidier.grown();
    };
    const noted = () => readdir(join(directory, 'uses'));
    for (let crash = 0; crash < 256; crash++) await use(`c${crash}`, digest);
    await use('s0', digest);
    for (let tries = 0; tries < 200 && (await noted()).length > 2; tries++) await sleep(10);
    assert.deepEqual(await noted(), ['c0', 's0']);
    down = true;
    for (let crash = 1; crash <= 256; crash++) await use(`d${crash}`, digest);
    for (let tries = 0; tries < 200 && warnings.length === 0; tries++) await sleep(10);
    assert.equal(warnings.length, 1);
    assert.equal((await noted()).length, 258);
    await tidier.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });

  it('are looked over no more once that is stopped, also where the runtime does not answer', {
    timeout: 10_000,
  }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-uses-'));
    const store = await openStore(directory);
    await store.uses.put('gone', { artifacts: [digest] });
    let asked = 0;
    const hanging: CallRuntime = (_method, _request, signal) => {
      asked++;
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    };
    const tidier = new Tidier({
      ...{ store, appArmor, runtime: criClient(hanging) },
      log: { warn: assert.fail } as unknown as ShimLog,
    });
    tidier.grown();
    while (asked < 2) await sleep(5);
    await tidier.stop();
    for (let more = 0; more < 256; more++) tidier.grown();
    await sleep(20);
    assert.equal(asked, 2);
    assert.deepEqual(await readdir(join(directory, 'uses')), ['gone']);
    await store.close();
    await rm(directory, { recursive: true });
  });
});
