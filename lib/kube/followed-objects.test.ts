import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TestLog, until } from '#test/support/kube/widgets';
import { ApiError } from './api-error.ts';
import { FollowedObjects } from './followed-objects.ts';
import type { ObjectClient } from './object-client.ts';
import type { WatchEvent, WatchOptions } from './watch-objects.ts';

const resource = { group: 'test.fairlead.dev', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true };

/** The client of an API server with one object besides the marker. */
class Client {
  text = 'before';
  version = 100;
  watches = 0;
  #send: (event: WatchEvent) => void = () => undefined;
  #end: (reason: Error) => void = () => undefined;

  async *pages() {
    yield { items: [this.#object('a', 'web', { text: this.text })], resourceVersion: String(this.version) };
  }

  watch(_: object, { onOpen }: WatchOptions, send: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
    this.#send = send;
    this.watches++;
    onOpen?.();
    return new Promise((resolve, reject) => {
      this.#end = reject;
      signal.addEventListener('abort', () => resolve());
    });
  }

  async mergePatch(): Promise<object> {
    this.version++;
    const object = this.#object('marker', 'system', {});
    this.#send({ type: 'MODIFIED', object });
    return object;
  }

  /** Has other content and lower versions from now on, and knows no version before. */
  restore(text: string): void {
    this.text = text;
    this.version = 50;
    this.#end(new ApiError('too old', { status: 410, reason: 'Expired' }));
  }

  #object(name: string, namespace: string, spec: object) {
    const resourceVersion = String(this.version);
    return { metadata: { name, namespace, uid: name, generation: 2, resourceVersion }, spec };
  }
}

it('objects in memory are as an etcd has them that was restored, and changed as often as before', async () => {
  const client = new Client();
  const followed = new FollowedObjects({
    ...{ client: client as unknown as ObjectClient, resource, log: new TestLog(), most: 10, fieldManager: 'test' },
    ...{
      marker: { metadata: { name: 'marker', namespace: 'system' } },
      parse: ({ spec }) => (spec as { text?: string }).text,
    },
  });
  followed.start();
  const texts = async (): Promise<readonly unknown[] | undefined> => (await followed.current('if possible'))?.('web');
  await until(() => client.watches === 1);
  assert.deepEqual(await texts(), ['before']);
  client.restore('after');
  await until(() => client.watches === 2);
  assert.deepEqual(await texts(), ['after']);
  await followed.stop();
});
