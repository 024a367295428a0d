import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestLog, until } from '#test/support/kube/widgets';
import { type Reconcilable, type Reconciled, runController } from './controller.ts';
import type { Informer } from './informer.ts';
import type { ChangeListener } from './informer-options.ts';
import type { KubeObject } from './kube-object.ts';
import type { ObjectClient } from './object-client.ts';
import { ObjectStore } from './object-store.ts';
import type { Resource } from './resource.ts';

const resource: Resource = {
  group: 'test.fairlead.dev',
  version: 'v1',
  plural: 'things',
  kind: 'Thing',
  namespaced: false,
};

/** Objects, and the listeners to their changes. */
class Objects {
  readonly store = new ObjectStore<Reconcilable>({});
  readonly resource = resource;
  readonly written: string[] = [];
  #listener: ChangeListener<Reconcilable> | undefined;
  #version = 0;

  /** A client whose answers are what was written. */
  readonly client = {
    mergePatch: async (_resource: Resource, { name }: { name: string }, patch: { status?: object }) => {
      this.written.push(name);
      return this.set(name, patch.status) as unknown as KubeObject;
    },
  } as unknown as ObjectClient;

  rejection = (): undefined => undefined;
  synced = async (): Promise<void> => undefined;

  onChange(listener: ChangeListener<Reconcilable>): () => void {
    this.#listener = listener;
    for (const key of this.store.keys()) listener({ key, before: undefined, after: this.store.get(key) });
    return () => undefined;
  }

  set(name: string, status?: object): Reconcilable {
    const resourceVersion = String(++this.#version);
    const object = { metadata: { name, uid: name, resourceVersion }, status };
    this.store.set(name, resourceVersion, object);
    this.#listener?.({ key: name, before: undefined, after: object });
    return object;
  }
}

describe('runController', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()));
  });

  const start = (
    objects: Objects,
    reconcile: (object: Reconcilable, signal: AbortSignal) => Promise<Reconciled>,
    within?: number,
  ) => {
    const log = new TestLog();
    const stopped = new AbortController();
    const informer = objects as unknown as Informer<Reconcilable>;
    const options = { name: 'things', client: objects.client, fieldManager: 'test', concurrency: 1, log, within };
    const running = runController({ ...options, informer, reconcile }, stopped.signal);
    stops.push(async () => {
      stopped.abort();
      await running;
    });
    return log;
  };

  it('gives up on an object that takes too long, tries it again, and writes nothing of the first time', async () => {
    const objects = new Objects();
    objects.set('hangs');
    objects.set('other');
    const begun: string[] = [];
    const ends = Promise.withResolvers<Reconciled>();
    const signals: AbortSignal[] = [];
    const reconcile = async ({ metadata: { name } }: Reconcilable, signal: AbortSignal): Promise<Reconciled> => {
      begun.push(name);
      if (name === 'other') return { status: { done: true } };
      signals.push(signal);
      return signals.length === 1 ? await ends.promise : { status: { second: true } };
    };
    const log = start(objects, reconcile, 50);
    await until(() => objects.written.includes('other'));
    assert.equal(signals[0]?.aborted, true);
    assert.match(JSON.stringify(log.lines[0]), /could not be reconciled/);
    ends.resolve({ status: { first: true } });
    await until(() => begun.filter((name) => name === 'hangs').length >= 2);
    await until(() => objects.store.get('hangs')?.status !== undefined);
    assert.deepEqual(objects.store.get('hangs')?.status, { second: true });
  });

  it('does not write at full speed if another client writes another status', async () => {
    const objects = new Objects();
    objects.set('quarrel');
    start(objects, async () => ({ status: { by: 'us' } }));
    const end = performance.now() + 2000;
    let others = 0;
    while (performance.now() < end) {
      if (JSON.stringify(objects.store.get('quarrel')?.status) === '{"by":"us"}') {
        objects.set('quarrel', { by: 'others' });
        others++;
      }
      await sleep(1);
    }
    assert.ok(others >= 10 && objects.written.length <= 30 + 2 * 3, `${objects.written.length} writes`);
  });
});
