import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { TestLog, until } from '#test/support/kube/widgets';
import { FairleadError } from '../errors.ts';
import { Informer } from './informer.ts';
import type { Page } from './list-pages.ts';
import { KubeMetrics } from './metrics.ts';
import type { ObjectClient } from './object-client.ts';
import type { Resource } from './resource.ts';
import type { WatchOptions } from './watch-objects.ts';

const resource = { group: 'test.fairlead.dev', version: 'v1', plural: 'things', kind: 'Thing', namespaced: false };

/** The client of an API server that serves the resource, or does not. */
class Client {
  isServed: boolean;
  lists = 0;

  constructor(isServed: boolean) {
    this.isServed = isServed;
  }

  async *pages(): AsyncGenerator<Page> {
    this.lists++;
    if (!this.isServed) throw new FairleadError('NotFound', 'it does not serve things');
    yield { items: [], resourceVersion: '1' };
  }

  async watch(_: Resource, { onOpen }: WatchOptions, __: object, signal: AbortSignal): Promise<void> {
    onOpen?.();
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
  }
}

describe('the metric of a failing informer', () => {
  /** Starts informers of the same resource, and returns what the metric says of it. */
  const start = (...served: boolean[]) => {
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    const informers = served.map((isServed) => {
      const client = new Client(isServed);
      const options = { resource, parse: (object: object) => object, metrics, log: new TestLog() };
      const informer = new Informer({
        ...options,
        client: client as unknown as ObjectClient,
        backoff: { initialMs: 1, maxMs: 2 },
      });
      informer.start();
      informer.synced().catch(() => undefined);
      return { client, informer };
    });
    const failing = async () => /informer_failing\{resource="things"\} (\d)/.exec(await registry.metrics())?.[1];
    /** Resolves when each informer has succeeded, or failed several times. */
    const settled = () =>
      until(() => informers.every(({ client, informer }) => (client.isServed ? informer.hasSynced : client.lists > 3)));
    return { informers, failing, settled };
  };

  it('counts one that was stopped no more, and the others still', async () => {
    for (const served of [
      [true, false],
      [false, true],
      [false, false],
    ]) {
      const { informers, failing, settled } = start(...served);
      await settled();
      assert.equal(await failing(), '1', `${served}`);
      const [first, last] = served[0] ? informers : informers.toReversed();
      await first?.informer.stop();
      const afterFirst = await failing();
      await last?.informer.stop();
      assert.deepEqual([afterFirst, await failing()], ['1', '0'], `${served}`);
    }
  });
});
