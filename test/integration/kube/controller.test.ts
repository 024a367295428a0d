import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { KubeClient } from '#lib/kube/client';
import {
  type ControllerOptions,
  optionalTriggerOf,
  type Reconciled,
  runController,
  triggerOf,
} from '#lib/kube/controller';
import { Informer } from '#lib/kube/informer';
import { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient } from '#lib/kube/object-client';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { Front } from '#test/support/kube/front';
import {
  configMaps,
  defineWidgets,
  parseWidget,
  TestLog,
  until,
  type Widget,
  widget,
  widgets,
} from '#test/support/kube/widgets';

describePeers(apiserverRequirements, 'runController', () => {
  let apiserver: Apiserver;
  let front: Front;
  let api: KubeClient;
  let direct: KubeClient;
  let others: ObjectClient;
  const stops: (() => Promise<void>)[] = [];

  const widgetInformer = (client: ObjectClient, log: TestLog) => {
    const backoff = { initialMs: 200, maxMs: 1000 };
    const informer = new Informer<Widget>({ client, resource: widgets, parse: parseWidget, backoff, log });
    informer.start();
    return informer;
  };

  /** Starts a controller of widgets, and returns what it has done. */
  const start = (reconcile: (object: Widget) => Promise<Reconciled>, more: Partial<ControllerOptions<Widget>> = {}) => {
    const client = new ObjectClient(api);
    const log = new TestLog();
    const informer = widgetInformer(client, log);
    const reconciled: string[] = [];
    const ending = new AbortController();
    const options: ControllerOptions<Widget> = {
      name: 'widget',
      client,
      fieldManager: 'test',
      informer,
      async reconcile(object) {
        reconciled.push(object.metadata.name);
        return await reconcile(object);
      },
      backoff: { initialMs: 100, maxMs: 1000 },
      log,
      ...more,
    };
    const running = runController(options, ending.signal);
    const stop = async () => {
      ending.abort();
      await running;
      await informer.stop();
    };
    stops.push(stop);
    return { reconciled, log, informer, stop };
  };
  const statusOf = async (name: string) => (await others.get(widgets, { name }))['status'];
  const writes = () => front.count(({ method }) => method !== 'GET');

  before(async () => {
    apiserver = await startApiserver();
    await defineWidgets(apiserver);
    front = await Front.start(apiserver);
    api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 2000 });
    direct = await KubeClient.open({ kubeconfig: apiserver.kubeconfig, answerWithin: 10_000 });
    others = new ObjectClient(direct);
  });
  beforeEach(() => {
    front.mode = { do: 'pass' };
    front.requests.length = 0;
  });
  afterEach(async () => {
    front.mode = { do: 'pass' };
    await Promise.all(stops.splice(0).map((stop) => stop()));
    for (const { metadata } of await others.list(widgets, { most: 10_000 })) {
      await others.delete(widgets, { name: metadata.name });
    }
  });
  after(async () => {
    api?.close();
    direct?.close();
    await front?.stop();
    await apiserver?.stop();
  });

  it('writes the status of each object, again when it has changed, and never without need', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    await others.create(widgets, widget('b', { size: 2 }));
    const { reconciled } = start(async ({ spec }) => ({ status: { double: (spec.size ?? 0) * 2, none: null } }));
    await until(async () => writes() === 2 && reconciled.length === 4);
    assert.deepEqual([await statusOf('a'), await statusOf('b')], [{ double: 2 }, { double: 4 }]);
    await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 5 } });
    await until(async () => JSON.stringify(await statusOf('a')) === '{"double":10}');
    await sleep(500);
    assert.equal(writes(), 3);
    assert.equal(reconciled.length, 6);
  });

  it('removes what the status has no more, whoever wrote it', async () => {
    const created = await others.create(widgets, widget('a'));
    const status = { old: { deep: [1] }, kept: { a: 1, b: 2 } };
    await others.update(widgets, { ...created, status }, { subresource: 'status' });
    start(async () => ({ status: { kept: { a: 1 } } }));
    await until(() => writes() === 1);
    await until(async () => JSON.stringify(await statusOf('a')) === '{"kept":{"a":1}}');
  });

  it('leaves the status alone that it does not return', async () => {
    const created = await others.create(widgets, widget('a'));
    await others.update(widgets, { ...created, status: { old: 1 } }, { subresource: 'status' });
    const { reconciled } = start(async () => ({}));
    await until(() => reconciled.length === 1);
    await sleep(200);
    assert.deepEqual([writes(), await statusOf('a')], [0, { old: 1 }]);
  });

  it('waits for an API server that needs long to write a status, as it does for a large object', async () => {
    front.mode = ({ method }) => (method === 'PATCH' ? { do: 'pass', afterMs: 3000 } : { do: 'pass' });
    await others.create(widgets, widget('a', { size: 1 }));
    // The client waits for answers for 2 s.
    const { log } = start(async ({ spec }) => ({ status: { size: spec.size } }));
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":1}');
    assert.deepEqual([writes(), log.lines], [1, []]);
  });

  it('goes on when a reconciliation fails, tries it again with growing delays, and logs why', async () => {
    await others.create(widgets, widget('bad', { size: 1 }));
    await others.create(widgets, widget('good', { size: 1 }));
    let broken = true;
    const { reconciled, log } = start(async ({ metadata: { name } }) => {
      if (name === 'bad' && broken) throw new Error('cannot be done');
      return { status: { ok: true } };
    });
    await sleep(1500);
    const attempts = reconciled.filter((name) => name === 'bad').length;
    assert.ok(attempts >= 3 && attempts <= 6, `${attempts} attempts`);
    assert.deepEqual(await statusOf('good'), { ok: true });
    assert.ok(
      log.lines.some(
        ({ level, fields }) =>
          level === 'warn' && /cannot be done/.test(JSON.stringify(fields) + String((fields as { err?: Error }).err)),
      ),
    );
    broken = false;
    await until(async () => JSON.stringify(await statusOf('bad')) === '{"ok":true}');
  });

  it('reconciles again after the time that was asked for', async () => {
    await others.create(widgets, widget('a'));
    let left = 3;
    const { reconciled } = start(async () => (left-- > 0 ? { requeueAfter: 100 } : {}));
    await until(() => reconciled.length === 4);
    await sleep(300);
    assert.equal(reconciled.length, 4);
  });

  it('writes no status that was computed from an older version', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    let changed = false;
    const { log } = start(async ({ spec }) => {
      if (!changed) {
        changed = true;
        await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 2 } });
      }
      return { status: { size: spec.size } };
    });
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":2}');
    const { managedFields } = (await others.get(widgets, { name: 'a' })).metadata;
    assert.equal((managedFields as { manager: string }[]).filter(({ manager }) => manager === 'test').length, 1);
    assert.ok(log.lines.every(({ level }) => level === 'debug'));
  });

  it('writes nothing more from a version that is known to be old, until its informer has a newer one', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    let offset = 0;
    let addAgain: ((key: string) => void) | undefined;
    const onChange = (add: (key: string) => void) => {
      addAgain = add;
      return () => undefined;
    };
    const { log } = start(async ({ spec }) => ({ status: { size: (spec.size ?? 0) + offset } }), {
      triggers: [{ synced: async () => undefined, onChange }],
    });
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":1}');
    // The informer learns nothing any more.
    front.stall();
    await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 5 } });
    const before = writes();
    offset = 1;
    const timer = setInterval(() => addAgain?.('a'), 5);
    await until(() => log.lines.some(({ message }) => message === 'an object has changed meanwhile'));
    await sleep(1000);
    clearInterval(timer);
    assert.equal(writes() - before, 1);
    front.cut();
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":6}');
  });

  it('reconciles nothing from a version that its own write has outdated', async () => {
    await others.create(widgets, widget('a'));
    let count = 0;
    const { reconciled, informer, log } = start(async () => ({ status: { count: ++count } }), {
      // Adds the key again and again.
      triggers: [
        {
          synced: async () => undefined,
          onChange(add) {
            const timer = setInterval(() => add('a'), 2);
            return () => clearInterval(timer);
          },
        },
      ],
    });
    await until(() => reconciled.length > 20);
    await informer.stop();
    assert.ok(log.lines.length === 0, JSON.stringify(log.lines));
  });

  it('calls for what was removed, but not for what cannot be read', async () => {
    for (const name of ['a', 'b']) await others.create(widgets, widget(name));
    const removed: string[] = [];
    const { reconciled } = start(async () => ({}), {
      async removed(key) {
        removed.push(key);
      },
    });
    await until(() => reconciled.length === 2);
    await others.mergePatch(widgets, { name: 'a' }, { spec: { bad: true } });
    await others.delete(widgets, { name: 'b' });
    await until(() => removed.length > 0);
    await sleep(200);
    assert.deepEqual(removed, ['b']);
    await others.delete(widgets, { name: 'a' });
    await until(() => removed.length === 2);
  });

  it('reports in the status why an object was rejected, until it is not', async () => {
    const created = await others.create(widgets, widget('a', { bad: true, size: 1 }));
    await others.update(widgets, { ...created, status: { size: 7 } }, { subresource: 'status' });
    const { reconciled } = start(async ({ spec }) => ({ status: { size: spec.size } }), {
      rejected: async ({ error }) => ({ status: { problem: error.message } }),
    });
    await until(async () => JSON.stringify(await statusOf('a')) === '{"problem":"cannot read Widget a: a bad widget"}');
    await sleep(300);
    assert.deepEqual([writes(), reconciled], [1, []]);
    await others.mergePatch(widgets, { name: 'a' }, { spec: { bad: false } });
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":1}');
  });

  it('reconciles the objects that a change of another concerns, when all of both are known', async () => {
    const client = new ObjectClient(api);
    const maps = new Informer({
      client,
      resource: configMaps,
      selection: { namespace: 'default' },
      parse: (map) => map,
      log: new TestLog(),
    });
    await others.create(widgets, widget('a'));
    const seen: boolean[] = [];
    const { reconciled, stop } = start(
      async () => {
        seen.push(maps.hasSynced);
        return {};
      },
      { triggers: [triggerOf(maps, ({ key, after }) => (key === 'default/of-a' && after !== undefined ? ['a'] : []))] },
    );
    await sleep(500);
    assert.deepEqual(reconciled, []);
    maps.start();
    await until(() => reconciled.length === 1);
    await others.create(configMaps, { metadata: { namespace: 'default', name: 'of-a' } });
    await until(() => reconciled.length === 2);
    assert.deepEqual(seen, [true, true]);
    await stop();
    await maps.stop();
  });

  it('does not wait for others that cannot be listed, and reconciles all again when they were', async () => {
    front.mode = ({ url }) =>
      /configmaps/.test(url) ? { do: 'answer', status: 404, body: '404 page not found' } : { do: 'pass' };
    const client = new ObjectClient(api);
    const backoff = { initialMs: 100, maxMs: 100 };
    const maps = new Informer({ client, resource: configMaps, parse: (map) => map, backoff, log: new TestLog() });
    maps.start();
    stops.push(() => maps.stop());
    for (const name of ['a', 'b']) await others.create(widgets, widget(name));
    const seen: boolean[] = [];
    const { reconciled } = start(
      async () => {
        seen.push(maps.hasSynced);
        return {};
      },
      {
        triggers: [
          optionalTriggerOf(
            maps,
            ({ key }) => (key === 'default/optional' ? ['a'] : []),
            () => ['a', 'b'],
          ),
        ],
      },
    );
    await until(() => reconciled.length === 2);
    assert.deepEqual(seen, [false, false]);
    front.mode = { do: 'pass' };
    await until(() => reconciled.length === 4);
    assert.deepEqual(seen.slice(2), [true, true]);
    await others.create(configMaps, { metadata: { namespace: 'default', name: 'optional' } });
    await until(() => reconciled.length === 5);
    assert.equal(reconciled.at(-1), 'a');
    await others.delete(configMaps, { namespace: 'default', name: 'optional' });
  });

  it('stops when what is being reconciled has ended, without writing its status', async () => {
    await others.create(widgets, widget('a'));
    const ending = Promise.withResolvers<void>();
    const { reconciled, stop } = start(async () => {
      await ending.promise;
      return { status: { late: true } };
    });
    await until(() => reconciled.length === 1);
    let stopped = false;
    const stopping = stop().then(() => {
      stopped = true;
    });
    await sleep(200);
    assert.equal(stopped, false);
    ending.resolve();
    await stopping;
    assert.equal(writes(), 0);
  });

  it('stops while nothing can be listed', async () => {
    front.mode = { do: 'hang' };
    const { stop, reconciled } = start(async () => ({}));
    await sleep(200);
    await stop();
    assert.deepEqual(reconciled, []);
  });

  it('brings 500 objects to their status whatever happens meanwhile, with a bounded number of requests', async () => {
    const count = 500;
    for (let i = 0; i < count; i++) await others.create(widgets, widget(`w${i}`, { size: 1 }));
    const registry = new Registry();
    const metrics = new KubeMetrics(registry);
    const concurrency = 8;
    const begun = performance.now();
    const { reconciled } = start(async ({ spec }) => ({ status: { size: spec.size } }), { metrics, concurrency });
    await until(() => reconciled.length > 50);
    // Busy, then without its custom resources, as when it has just started; then restarted while
    // objects change, then cut off.
    const busy = JSON.stringify({ kind: 'Status', message: 'busy', reason: 'TooManyRequests', code: 429 });
    front.mode = { do: 'answer', status: 429, headers: { 'retry-after': '1' }, body: busy };
    await sleep(1500);
    front.mode = { do: 'answer', status: 404, body: '404 page not found' };
    await sleep(3000);
    front.mode = { do: 'pass' };
    await apiserver.restart();
    for (let i = 0; i < 100; i++) await others.mergePatch(widgets, { name: `w${i}` }, { spec: { size: 2 } });
    front.cut();
    const isRight = async () =>
      (await others.list(widgets, { most: 1000 })).every(
        (each) => JSON.stringify(each['status']) === JSON.stringify({ size: (each['spec'] as Widget['spec']).size }),
      );
    await until(async () => {
      await sleep(500);
      return isRight();
    }, 60_000);
    const seconds = (performance.now() - begun) / 1000;
    // After each pause, as many objects as are reconciled at a time find out whether the outage
    // lasts: 4 pauses of less than 5 s, then longer ones. They ask a busy server three times.
    const attempts = concurrency * (3 + 4 + seconds / 5);
    // Those that were changed are written again, and perhaps once from an old version.
    assert.ok(writes() <= count + 2 * 100 + attempts, `${writes()} writes in ${seconds} s`);
    // The informer waits half a second at least.
    const reads = front.count() - writes();
    assert.ok(reads <= 10 + 2 * seconds, `${reads} lists and watches in ${seconds} s`);
    const written = await registry.metrics();
    assert.match(written, /fairlead_controller_reconcile_seconds_count\{controller="widget",result="done"\} \d+/);
    assert.match(written, /fairlead_controller_queue_depth\{controller="widget"\} 0/);
  });
});
