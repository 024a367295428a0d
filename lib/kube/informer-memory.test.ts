import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TestLog } from '#test/support/kube/widgets';
import type { ApiRequest, ApiServer } from './api-server.ts';
import { Informer } from './informer.ts';
import type { Change } from './informer-options.ts';
import { listPages } from './list-pages.ts';
import type { ObjectClient } from './object-client.ts';
import type { WatchEvent } from './watch-objects.ts';

const resource = { group: 'test.fairlead.dev', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };
const thing = (namespace: string, name: string, length: number, resourceVersion = '1') => ({
  metadata: { namespace, name, uid: name, resourceVersion },
  spec: { text: 't'.repeat(length) },
});

/** Follows things, at most 10,000 bytes of them, as an API server lists them. */
async function follow(items: readonly object[]) {
  let send: (event: WatchEvent) => void = () => undefined;
  const client = {
    async *pages() {
      yield { items, resourceVersion: '1' };
    },
    watch: (_: object, __: object, onEvent: typeof send, signal: AbortSignal) => {
      send = onEvent;
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  } as unknown as ObjectClient;
  const log = new TestLog();
  const informer = new Informer({ client, resource, parse: ({ metadata }) => metadata.name, mostBytes: 10_000, log });
  const changes: Change<string>[] = [];
  informer.onChange((change) => changes.push(change));
  informer.start();
  await informer.synced();
  await new Promise(setImmediate);
  return { informer, changes, send: (event: WatchEvent) => send(event), keys: () => [...informer.store.keys()] };
}

it('an informer holds nothing of the namespaces that have too much, and all of the others', async (t) => {
  const items = [thing('hog', 'a', 5000), thing('web', 'a', 1000), thing('hog', 'b', 5000), thing('hog', 'c', 10)];
  const { informer, changes, send, keys } = await follow(items);
  t.after(() => informer.stop());
  assert.deepEqual(keys(), ['web/a']);
  assert.deepEqual([...informer.released], ['hog']);
  const removed = changes.filter(({ after }) => after === undefined).map(({ key }) => key);
  assert.deepEqual(removed, ['hog/a']);
  // Whatever changes there is not held either.
  send({ type: 'MODIFIED', object: thing('hog', 'c', 10, '2') });
  send({ type: 'DELETED', object: thing('hog', 'b', 10, '3') });
  send({ type: 'ADDED', object: thing('web', 'b', 1000, '4') });
  assert.deepEqual(keys(), ['web/a', 'web/b']);
});

it('an informer counts the present version of an object only', async (t) => {
  const { informer, send, keys } = await follow([thing('web', 'a', 5000)]);
  t.after(() => informer.stop());
  for (let version = 2; version < 20; version++)
    send({ type: 'MODIFIED', object: thing('web', 'a', 5000, `${version}`) });
  send({ type: 'DELETED', object: thing('web', 'a', 5000, '20') });
  send({ type: 'ADDED', object: thing('web', 'b', 8000, '21') });
  assert.deepEqual([...informer.released], []);
  assert.deepEqual(keys(), ['web/b']);
});

it('large pages are read one at a time, and small ones at once', async () => {
  let [reading, most] = [0, 0];
  const api = (isLarge: boolean) =>
    ({
      async get({ size }: ApiRequest) {
        if (isLarge) await size?.turn();
        most = Math.max(most, ++reading);
        await new Promise(setImmediate);
        return JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] });
      },
    }) as unknown as ApiServer;
  const read = async (isLarge: boolean): Promise<void> => {
    for await (const _ of listPages(api(isLarge), resource)) reading--;
  };
  await Promise.all(Array.from({ length: 5 }, () => read(false)));
  assert.equal(most, 5);
  most = 0;
  await Promise.all(Array.from({ length: 5 }, () => read(true)));
  assert.equal(most, 1);
});

it('a large page that fails gives its turn to the next', async () => {
  const failing = {
    async get({ size }: ApiRequest) {
      await size?.turn();
      throw new Error('it fails');
    },
  } as unknown as ApiServer;
  for (let list = 0; list < 3; list++) await assert.rejects(listPages(failing, resource).next(), /it fails/);
});
