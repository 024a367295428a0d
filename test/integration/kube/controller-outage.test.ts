import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { optionalTriggerOf } from '#lib/kube/controller';
import { Informer } from '#lib/kube/informer';
import { KubeMetrics } from '#lib/kube/metrics';
import { ObjectClient } from '#lib/kube/object-client';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import type { Front } from '#test/support/kube/front';
import { WidgetControllers } from '#test/support/kube/widget-controllers';
import { configMaps, TestLog, until, type Widget, widget, widgets } from '#test/support/kube/widgets';

describePeers(apiserverRequirements, 'runController, while the API server fails or is slow', () => {
  let controllers: WidgetControllers;
  let front: Front;
  let others: ObjectClient;
  const start: WidgetControllers['start'] = (...all) => controllers.start(...all);
  const statusOf = (name: string) => controllers.statusOf(name);
  const writes = () => controllers.writes();

  before(async () => {
    controllers = await WidgetControllers.open();
    ({ front, others } = controllers);
  });
  afterEach(() => controllers.clean());
  after(() => controllers?.close());

  it('waits for an API server that needs long to write a status, as it does for a large object', async () => {
    front.mode = ({ method }) => (method === 'PATCH' ? { do: 'pass', afterMs: 3000 } : { do: 'pass' });
    await others.create(widgets, widget('a', { size: 1 }));
    // The client waits for answers for 2 s.
    const { log } = start(async ({ spec }) => ({ status: { size: spec.size } }));
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":1}');
    assert.deepEqual([writes(), log.lines], [1, []]);
  });

  it('writes nothing more from a version that is known to be old, until its informer has a newer one', async (t) => {
    await others.create(widgets, widget('a', { size: 1 }));
    let offset = 0;
    let addAgain: ((key: string) => void) | undefined;
    const onChange = (add: (key: string) => void) => {
      addAgain = add;
      return () => undefined;
    };
    const { log, reconciled } = start(async ({ spec }) => ({ status: { size: (spec.size ?? 0) + offset } }), {
      triggers: [{ synced: async () => undefined, onChange }],
    });
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":1}');
    // For its own status, too.
    await until(() => reconciled.length === 2);
    // The informer learns nothing any more.
    front.stall();
    await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 5 } });
    const before = writes();
    offset = 1;
    const timer = setInterval(() => addAgain?.('a'), 5);
    t.after(() => clearInterval(timer));
    await until(() => log.lines.some(({ message }) => message === 'an object has changed meanwhile'));
    await sleep(1000);
    clearInterval(timer);
    assert.equal(writes() - before, 1);
    front.cut();
    await until(async () => JSON.stringify(await statusOf('a')) === '{"size":6}');
  });

  it('does not wait for others that cannot be listed, and reconciles all again when they were', async () => {
    front.mode = ({ url }) =>
      /configmaps/.test(url) ? { do: 'answer', status: 404, body: '404 page not found' } : { do: 'pass' };
    const client = new ObjectClient(controllers.api);
    const backoff = { initialMs: 100, maxMs: 100 };
    const maps = new Informer({ client, resource: configMaps, parse: (map) => map, backoff, log: new TestLog() });
    maps.start();
    controllers.stopLater(() => maps.stop());
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
    await controllers.apiserver.restart();
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
