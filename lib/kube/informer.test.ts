import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { TestLog, until } from '#test/support/kube/widgets';
import { ApiError } from './api-error.ts';
import type { Backoff } from './backoff.ts';
import { Informer } from './informer.ts';
import type { Page } from './list-pages.ts';
import { KubeMetrics } from './metrics.ts';
import type { ObjectClient } from './object-client.ts';
import type { Resource } from './resource.ts';
import type { WatchOptions } from './watch-objects.ts';

const resource = { group: 'test.fairlead.dev', version: 'v1', plural: 'things', kind: 'Thing', namespaced: false };

const unserved = new ApiError('it does not serve things', { status: 404, reason: '' });

/** The client of an API server that answers lists with an error, or without one. */
class Client {
  failure: Error | undefined;
  lists = 0;

  constructor(failure: Error | undefined) {
    this.failure = failure;
  }

  async *pages(): AsyncGenerator<Page> {
    this.lists++;
    if (this.failure !== undefined) throw this.failure;
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
      const client = new Client(isServed ? undefined : unserved);
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
      until(() => informers.every(({ client, informer }) => (client.failure ? client.lists > 3 : informer.hasSynced)));
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

describe('an informer whose watches end because the version is too old', () => {
  it('logs no warning and no stack, unless that does not end', async () => {
    const log = new TestLog();
    const client = new Client(undefined);
    client.watch = async (_, { onOpen }) => {
      onOpen?.();
      throw new ApiError('the API server sends 410: too old resource version', { status: 410, reason: 'Expired' });
    };
    const informer = new Informer({
      ...{ resource, parse: (object: object) => object, log, backoff: { initialMs: 1, maxMs: 2 } },
      client: client as unknown as ObjectClient,
    });
    informer.start();
    await until(() => log.count('warn') > 0);
    await informer.stop();
    const [first, ...others] = log.lines.slice(
      0,
      log.lines.findIndex(({ level }) => level === 'warn'),
    );
    assert.equal(others.length, 4);
    for (const line of [first, ...others]) {
      assert.deepEqual(Object.keys(line?.fields ?? {}), ['resource', 'failures', 'againAfterMs', 'reason']);
    }
    assert.match(first?.message ?? '', /^objects are listed again/);
  });
});

describe('an informer of a resource that cannot be listed', () => {
  const started: Informer<object>[] = [];
  afterEach(() => Promise.all(started.splice(0).map((informer) => informer.stop())));

  /** Starts an informer, and returns it with its client and its log. */
  const start = (failure: Error, backoff: Backoff) => {
    const client = new Client(failure);
    const log = new TestLog();
    const options = { resource, parse: (object: object) => object, log, backoff };
    const informer = new Informer({ ...options, client: client as unknown as ObjectClient });
    informer.start();
    started.push(informer);
    informer.synced().catch(() => undefined);
    const delays = () => log.lines.map(({ fields }) => (fields as { readonly againAfterMs: number }).againAfterMs);
    const warnings = () => log.lines.filter(({ level }) => level === 'warn').length;
    return { client, informer, delays, warnings };
  };

  it('is asked again within 5 seconds if it is not served: its definition may be applied at any time', async () => {
    const { delays } = start(unserved, { initialMs: 20_000, maxMs: 30_000 });
    await until(() => delays().length === 1);
    const [delay = 0] = delays();
    assert.ok(delay >= 2500 && delay <= 5000, `${delay} ms`);
  });

  it('is asked again after short delays at first if it is not served, as after other errors', async () => {
    const { delays } = start(unserved, { initialMs: 10, maxMs: 30_000 });
    await until(() => delays().length === 3);
    for (const [at, most] of [10, 20, 40].entries()) assert.ok((delays()[at] ?? 0) <= most, `${delays()}`);
  });

  it('is left alone for longer after another error, or if the API server wants that', async () => {
    for (const failure of [
      new ApiError('forbidden', { status: 403, reason: 'Forbidden' }),
      new ApiError('broken', { status: 500, reason: '' }),
      new ApiError('no answer', { status: 0, reason: '' }),
      new ApiError('not served', { status: 404, reason: '', retryAfterMs: 10_000 }),
    ]) {
      const { delays } = start(failure, { initialMs: 20_000, maxMs: 30_000 });
      await until(() => delays().length === 1);
      assert.ok((delays()[0] ?? 0) >= 10_000, failure.message);
    }
  });

  it('is logged once, and again when the reason is another', async () => {
    const { client, warnings } = start(unserved, { initialMs: 1, maxMs: 2 });
    await until(() => client.lists > 10);
    assert.equal(warnings(), 1);
    client.failure = new ApiError('forbidden', { status: 403, reason: 'Forbidden' });
    const before = client.lists;
    await until(() => client.lists > before + 5);
    assert.equal(warnings(), 2);
  });

  it('is settled when it was listed, or that has failed repeatedly', async () => {
    const { client, informer } = start(unserved, { initialMs: 1, maxMs: 2 });
    await informer.settled();
    assert.equal(client.lists, 2);
    assert.equal(informer.hasSynced, false);
    client.failure = undefined;
    await informer.synced();
    const served = start(unserved, { initialMs: 1, maxMs: 2 });
    served.client.failure = undefined;
    await served.informer.settled();
    assert.equal(served.informer.hasSynced, true);
    const stopped = start(unserved, { initialMs: 10_000, maxMs: 10_000 }).informer;
    await stopped.stop();
    await assert.rejects(stopped.settled(), /stopped/);
  });
});
