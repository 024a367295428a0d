import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { triggerOf } from '#lib/kube/controller';
import { Informer } from '#lib/kube/informer';
import { ObjectClient } from '#lib/kube/object-client';
import { apiserverRequirements } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { WidgetControllers } from '#test/support/kube/widget-controllers';
import { configMaps, TestLog, until, widget, widgets } from '#test/support/kube/widgets';

describePeers(apiserverRequirements, 'runController', () => {
  let controllers: WidgetControllers;
  let others: ObjectClient;
  const start: WidgetControllers['start'] = (...all) => controllers.start(...all);
  const statusOf = (name: string) => controllers.statusOf(name);
  const writes = () => controllers.writes();

  before(async () => {
    controllers = await WidgetControllers.open();
    others = controllers.others;
  });
  afterEach(() => controllers.clean());
  after(() => controllers?.close());

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

  it('removes what the status has no more, whichever client wrote it', async () => {
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
    const client = new ObjectClient(controllers.api);
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
});
