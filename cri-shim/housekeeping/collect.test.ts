import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { CriClient } from '#lib/cri/client';
import { FairleadError } from '#lib/errors';
import { InstalledAppArmor } from '#lib/node/install/apparmor/installed-profiles';
import { openStore } from '#lib/node/store/store';
import { ContainerState } from '../../lib/cri/gen/cri_pb.js';
import type { ShimLog } from '../report/shim-log.ts';
import { Tidier } from './tidy.ts';

const minute = 60_000;
const signal = AbortSignal.timeout(30_000);

it('what is unused is removed at once, unless it was asked for in the last two minutes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-collect-'));
  let time = Date.parse('2026-01-01T00:00:00Z');
  const now = () => new Date(time);
  const store = await openStore(directory, { now, clock: () => time });
  const kernel = new Set([`fairlead/${'a'.repeat(64)}`, `fairlead/${'b'.repeat(64)}`]);
  const [used = '', unused = ''] = kernel;
  const appArmor = new InstalledAppArmor({
    loader: { load: assert.fail, unload: async (name) => void kernel.delete(name) },
    loaded: async () => kernel,
    clock: () => time,
  });
  const runtime = {
    listContainers: async () => ({ containers: [{ id: 'c1' }] }),
    listPodSandbox: async () => ({ items: [] }),
  } as unknown as CriClient;
  const tidier = new Tidier({ store, appArmor, runtime, log: { warn: assert.fail } as unknown as ShimLog });
  t.after(async () => {
    await tidier.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });
  await store.uses.put('c1', { artifacts: [], appArmor: used });
  await store.effective.put(Buffer.from('{"old":1}'));
  time += 1.5 * minute;
  const recent = await store.effective.put(Buffer.from('{"new":1}'));
  time += minute;

  const collected = await tidier.collect(signal);
  assert.deepEqual(collected.appArmor, [unused]);
  assert.deepEqual([...kernel], [used]);
  assert.equal(collected.effective.length, 1);
  assert.ok(!recent.endsWith(collected.effective[0] ?? ''));
  assert.deepEqual(await tidier.collect(signal), { artifacts: [], effective: [], appArmor: [] });
  time += 2 * minute;
  assert.equal((await tidier.collect(signal)).effective.length, 1);
});

it('an AppArmor profile stays that was asked for shortly before the runtime listed its containers', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-collect-'));
  const store = await openStore(directory);
  let time = 0;
  const kernel = new Set([`fairlead/${'a'.repeat(64)}`]);
  const [name = ''] = kernel;
  const appArmor = new InstalledAppArmor({
    loader: { load: assert.fail, unload: async (each) => void kernel.delete(each) },
    loaded: async () => kernel,
    clock: () => time,
  });
  const runtime = {
    // It is slow. Meanwhile it creates the container, which is not in its list.
    listContainers: async () => {
      time += 3 * minute;
      return { containers: [] };
    },
    listPodSandbox: async () => ({ items: [] }),
  } as unknown as CriClient;
  const tidier = new Tidier({ store, appArmor, runtime, log: { warn: assert.fail } as unknown as ShimLog });
  t.after(async () => {
    await tidier.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });
  time = 5 * minute;
  await appArmor.holds(name);
  time += minute;
  assert.deepEqual((await tidier.collect(signal)).appArmor, []);
  assert.deepEqual((await tidier.collect(signal)).appArmor, [name]);
});

it('a collection ends before the state directory is released', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-collect-'));
  const store = await openStore(directory);
  t.after(() => rm(directory, { recursive: true }));
  const steps: string[] = [];
  const begun = Promise.withResolvers<void>();
  const appArmor = {
    time: 0,
    dropUnused: async (_used: ReadonlySet<string>, aborts: AbortSignal) => {
      begun.resolve();
      await once(aborts, 'abort');
      await delay(20);
      steps.push('collected');
      return [];
    },
  };
  const runtime = {
    listContainers: async () => ({ containers: [] }),
    listPodSandbox: async () => ({ items: [] }),
  } as unknown as CriClient;
  const tidier = new Tidier({ store, appArmor, runtime, log: { warn: assert.fail } as unknown as ShimLog });
  const collecting = tidier.collect(signal);
  await begun.promise;
  const another = assert.rejects(tidier.collect(signal), 'it does not begin any more');
  await tidier.stop();
  await store.close();
  steps.push('released');
  await Promise.all([collecting, another]);
  assert.deepEqual(steps, ['collected', 'released']);
});

it('the AppArmor profile of a created container without a note stays: it would start unconfined', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-collect-'));
  const store = await openStore(directory);
  const [first, second] = [`fairlead/${'a'.repeat(64)}`, `fairlead/${'b'.repeat(64)}`];
  let inUse: readonly string[] = [];
  const appArmor = {
    time: 0,
    dropUnused: async (used: ReadonlySet<string>) => {
      inUse = [...used].sort();
      return [];
    },
  };
  const { CONTAINER_CREATED: created, CONTAINER_RUNNING: running } = ContainerState;
  const silent: string[] = [];
  const warnings: unknown[] = [];
  const profiles: Record<string, string> = { lost: first, empty: second, other: 'crio-default' };
  const runtime = {
    listContainers: async () => ({
      containers: [
        ...['lost', 'empty', 'other', 'gone', ...silent].map((id) => ({ id, state: created })),
        { id: 'runs', state: running },
      ],
    }),
    listPodSandbox: async () => ({ items: [] }),
    containerStatus: async ({ containerId: id }: { containerId: string }) => {
      if (id === 'gone') throw new FairleadError('NotFound', 'it was removed');
      if (id === 'runs') assert.fail('its process shows its profile');
      const spec = { runtimeSpec: { process: { apparmorProfile: profiles[id] } } };
      return { info: id === 'silent' ? {} : { info: JSON.stringify(spec) } };
    },
  } as unknown as CriClient;
  const log = { warn: ({ containers }: { containers: unknown }) => void warnings.push(containers) };
  const tidier = new Tidier({ store, appArmor, runtime, log: log as unknown as ShimLog });
  t.after(async () => {
    await tidier.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });
  // A full disk leaves a note empty.
  await writeFile(join(directory, 'uses', 'empty'), '');
  await tidier.collect(signal);
  assert.deepEqual(inUse, ['crio-default', first, second].sort());
  assert.deepEqual(warnings, []);

  inUse = [];
  silent.push('silent');
  assert.deepEqual((await tidier.collect(signal)).appArmor, []);
  assert.deepEqual(inUse, [], 'the one that the runtime does not report may need any of them');
  assert.deepEqual(warnings, [['silent']]);
});

it('waits for the removal that is under way before it removes', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'fairlead-collect-'));
  const store = await openStore(directory);
  const { promise: listed, resolve: list } = Promise.withResolvers<void>();
  let begun = 0;
  const runtime = {
    listContainers: async () => {
      begun += 1;
      await listed;
      return { containers: [] };
    },
    listPodSandbox: async () => ({ items: [] }),
  } as unknown as CriClient;
  const appArmor = { time: 0, dropUnused: async () => [] };
  const tidier = new Tidier({ store, appArmor, runtime, log: { warn: assert.fail } as unknown as ShimLog });
  t.after(async () => {
    await tidier.stop();
    await store.close();
    await rm(directory, { recursive: true });
  });
  tidier.grown();
  const collected = tidier.collect(signal);
  while (begun === 0) await new Promise(setImmediate);
  // Time for a second removal, which must not begin.
  await store.effective.dropOld();
  await new Promise(setImmediate);
  assert.equal(begun, 1);
  list();
  await collected;
  assert.equal(begun, 2);
});
