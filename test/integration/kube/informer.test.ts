import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '#lib/kube/client';
import { Informer } from '#lib/kube/informer';
import type { Change, InformerOptions, RejectedObject } from '#lib/kube/informer-options';
import { ObjectClient } from '#lib/kube/object-client';
import { type Apiserver, apiserverMinor, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { Front } from '#test/support/kube/front';
import { defineWidgets, parseWidget, TestLog, until, type Widget, widget, widgets } from '#test/support/kube/widgets';

type Options = Partial<InformerOptions<Widget, 'color'>>;

describePeers(apiserverRequirements, 'Informer', () => {
  let apiserver: Apiserver;
  let front: Front;
  let api: KubeClient;
  /** Writes as others do, past the front. */
  let direct: KubeClient;
  let others: ObjectClient;
  const started: Informer<Widget, 'color'>[] = [];

  /** Starts an informer with short delays, and returns it with what it reports. */
  const start = (options: Options = {}) => {
    const changes: Change<Widget>[] = [];
    const rejected: RejectedObject[] = [];
    const log = new TestLog();
    const informer = new Informer<Widget, 'color'>({
      client: new ObjectClient(api),
      resource: widgets,
      parse: parseWidget,
      indexes: { color: ({ spec }) => (spec.color === undefined ? [] : [spec.color]) },
      onRejected: (each) => rejected.push(each),
      backoff: { initialMs: 200, maxMs: 2000 },
      log,
      ...options,
    });
    informer.onChange((change) => changes.push(change));
    informer.start();
    started.push(informer);
    return { informer, changes, rejected, log };
  };
  const names = (informer: Informer<Widget, 'color'>) => [...informer.store.keys()].sort();
  const sizeOf = (informer: Informer<Widget, 'color'>, key: string) => informer.store.get(key)?.spec.size;
  const watches = () => front.count(({ isWatch }) => isWatch);
  const lists = () => front.count(({ isWatch }) => !isWatch);

  before(async () => {
    apiserver = await startApiserver({ flags: { 'etcd-compaction-interval': '1s' } });
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
    await Promise.all(started.splice(0).map((informer) => informer.stop()));
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

  it('holds what exists, and follows what changes', async () => {
    await others.create(widgets, widget('a', { size: 1, color: 'red' }));
    await others.create(widgets, widget('b', { size: 2, color: 'red' }));
    const { informer, changes } = start();
    assert.equal(informer.hasSynced, false);
    await informer.synced();
    assert.equal(informer.hasSynced, true);
    assert.deepEqual(names(informer), ['a', 'b']);
    assert.equal(informer.store.get('a')?.metadata['managedFields'], undefined);
    await others.create(widgets, widget('c', { size: 3, color: 'blue' }));
    await others.mergePatch(widgets, { name: 'a' }, { spec: { color: 'blue' } });
    await others.delete(widgets, { name: 'b' });
    await until(() => changes.length === 5);
    assert.deepEqual(names(informer), ['a', 'c']);
    assert.deepEqual(
      changes.map(({ key, before, after }) => `${key} ${before?.spec.color} ${after?.spec.color}`),
      ['a undefined red', 'b undefined red', 'c undefined blue', 'a red blue', 'b red undefined'],
    );
    assert.deepEqual(
      informer.store
        .byIndex('color', 'blue')
        .map(({ metadata }) => metadata.name)
        .sort(),
      ['a', 'c'],
    );
    assert.deepEqual(informer.store.byIndex('color', 'red'), []);
    assert.deepEqual([lists(), watches()], [1, 1]);
  });

  it('lists by pages', async () => {
    for (let i = 0; i < 12; i++) await others.create(widgets, widget(`p${i}`));
    const { informer } = start({ selection: { labelSelector: '!hidden' } });
    await informer.synced();
    assert.equal(informer.store.size, 12);
    assert.match(front.requests[0]?.url ?? '', /widgets\?limit=500&labelSelector=%21hidden$/);
  });

  it('rejects single objects, reports each of their versions once, and holds the others', async () => {
    await others.create(widgets, widget('bad', { bad: true }));
    await others.create(widgets, widget('good'));
    const { informer, rejected, changes } = start({ watchSeconds: 1 });
    await informer.synced();
    assert.deepEqual(names(informer), ['good']);
    assert.match(informer.rejection('bad')?.error.message ?? '', /a bad widget/);
    await until(() => watches() > 2);
    assert.deepEqual(
      rejected.map(({ key, error }) => `${key}: ${error.message}`),
      ['bad: cannot read Widget bad: a bad widget'],
    );
    await others.mergePatch(widgets, { name: 'good' }, { spec: { bad: true } });
    await others.mergePatch(widgets, { name: 'bad' }, { spec: { bad: false } });
    await until(() => names(informer).join() === 'bad');
    assert.equal(informer.rejection('bad'), undefined);
    assert.deepEqual(
      rejected.map(({ key }) => key),
      ['bad', 'good'],
    );
    // The rejection of an object that was held is a change of it.
    assert.ok(changes.some(({ key, before, after }) => key === 'good' && before !== undefined && after === undefined));
    await others.delete(widgets, { name: 'good' });
    await until(() => informer.rejection('good') === undefined);
  });

  it('begins a watch again when it has ended, without a list', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    const { informer, changes } = start({ watchSeconds: 1 });
    await until(() => watches() >= 3);
    await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 2 } });
    await until(() => sizeOf(informer, 'a') === 2);
    assert.equal(lists(), 1);
    assert.equal(changes.length, 2);
    assert.equal(informer.problem, undefined);
  });

  it('reminds of all objects when it resyncs, without a request', async () => {
    await others.create(widgets, widget('a'));
    await others.create(widgets, widget('b'));
    const { informer, changes } = start({ resyncSeconds: 0.3 });
    await informer.synced();
    await until(() => changes.length >= 6);
    const [reminder] = changes.slice(2);
    assert.equal(reminder?.before, reminder?.after);
    assert.equal(front.count(), 2);
  });

  it('tells a listener that comes later what is held, and goes on if one fails', async () => {
    await others.create(widgets, widget('a'));
    const { informer, log } = start();
    await informer.synced();
    const told: string[] = [];
    const end = informer.onChange(({ key }) => {
      told.push(key);
      throw new Error('a broken listener');
    });
    await others.create(widgets, widget('b'));
    await until(() => told.length === 2);
    end();
    await others.create(widgets, widget('c'));
    await until(() => informer.store.size === 3);
    assert.deepEqual(told, ['a', 'b']);
    assert.equal(log.lines.filter(({ message }) => /listener/.test(message)).length, 2);
  });

  it('lists again if the version is too old, and reports what was deleted meanwhile', async () => {
    for (const name of ['a', 'b', 'c']) await others.create(widgets, widget(name, { size: 1 }));
    const { informer, changes } = start({ watchSeconds: 60 });
    await until(() => watches() === 1 && informer.problem === undefined && informer.hasSynced);
    changes.length = 0;
    front.mode = { do: 'drop' };
    front.cut();
    await others.delete(widgets, { name: 'a' });
    await others.mergePatch(widgets, { name: 'b' }, { spec: { size: 2 } });
    // Another API server knows only new versions, and etcd has compacted the old ones.
    await sleep(2500);
    for (let i = 0; i < 3; i++) await others.mergePatch(widgets, { name: 'b' }, { spec: { size: 3 + i } });
    await apiserver.restart();
    assert.ok(informer.problem !== undefined);
    front.requests.length = 0;
    front.mode = { do: 'pass' };
    await until(() => informer.problem === undefined && sizeOf(informer, 'b') === 5);
    assert.deepEqual(names(informer), ['b', 'c']);
    // Nothing is said of what has not changed.
    assert.deepEqual(
      changes.map(({ key, before, after }) => `${key} ${before?.spec.size} ${after?.spec.size}`).sort(),
      ['a 1 undefined', 'b 1 5'],
    );
    assert.equal(lists(), 1);
    // Since 1.31 the API server refuses a watch while it still fills its cache.
    assert.ok(watches() === 2 || (watches() === 3 && apiserverMinor() >= 31), `${watches()} watches`);
  });

  it('recovers from a restart of the API server with few requests', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    const { informer } = start();
    await informer.synced();
    const begun = performance.now();
    await apiserver.restart(async () => sleep(3000));
    await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 2 } });
    await until(() => sizeOf(informer, 'a') === 2);
    // The delays grow to at least a second.
    const seconds = (performance.now() - begun) / 1000;
    assert.ok(front.count() <= 8 + seconds, `${front.count()} requests in ${seconds} s`);
  });

  it('notices a watch whose connection was lost silently', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    const { informer } = start({ watchSeconds: 2 });
    await until(() => watches() === 1 && informer.hasSynced);
    await sleep(200);
    front.stall();
    await others.mergePatch(widgets, { name: 'a' }, { spec: { size: 2 } });
    await sleep(1000);
    assert.equal(sizeOf(informer, 'a'), 1);
    await until(() => sizeOf(informer, 'a') === 2, 15_000);
    assert.equal(lists(), 1);
    assert.ok(watches() <= 4, `${watches()}`);
  });

  it('survives whatever the API server answers, with a bounded number of requests', async () => {
    await others.create(widgets, widget('a', { size: 1 }));
    const { informer, log } = start();
    await informer.synced();
    const busy = { kind: 'Status', message: 'too many requests', reason: 'TooManyRequests', code: 429 };
    const event = JSON.stringify({
      type: 'ERROR',
      object: { kind: 'Status', message: 'etcdserver: broken', code: 500 },
    });
    const answers = {
      'too many': { do: 'answer', status: 429, headers: { 'retry-after': '1' }, body: JSON.stringify(busy) },
      broken: { do: 'answer', status: 500, body: 'broken' },
      forbidden: { do: 'answer', status: 403, body: 'no' },
      gone: { do: 'answer', status: 404, body: '404 page not found' },
      'an error event': { do: 'answer', status: 200, body: `${event}\n` },
      'something else': { do: 'answer', status: 200, body: '<html>' },
      nothing: { do: 'answer', status: 200, body: '' },
      hang: { do: 'hang' },
      drop: { do: 'drop' },
    } as const;
    let size = 1;
    for (const [name, mode] of Object.entries(answers)) {
      front.mode = mode;
      front.requests.length = 0;
      const warnings = log.count('warn');
      front.cut();
      await others.mergePatch(widgets, { name: 'a' }, { spec: { size: ++size } });
      await sleep(2500);
      assert.equal(sizeOf(informer, 'a'), size - 1, name);
      // Delays of 100 to 200 ms, 200 to 400, 400 to 800, …
      assert.ok(front.count() >= 1 && front.count() <= 8, `${name}: ${front.count()} requests`);
      // The cut gives no warning, and none is repeated. A request that hangs is noticed later.
      assert.ok(log.count('warn') > warnings || mode.do === 'hang', `${name}: not reported`);
      front.mode = { do: 'pass' };
      await until(() => sizeOf(informer, 'a') === size, 10_000);
    }
    assert.equal(lists(), 0);
  });

  it('waits for a resource that does not exist yet, and for its objects', async () => {
    front.mode = { do: 'answer', status: 404, body: '404 page not found' };
    const { informer } = start();
    await until(() => informer.problem?.kind === 'NotFound');
    assert.equal(informer.hasSynced, false);
    await others.create(widgets, widget('a'));
    front.mode = { do: 'pass' };
    await informer.synced();
    assert.deepEqual(names(informer), ['a']);
  });

  it('stops at any time', async () => {
    const { informer } = start();
    const waiting = informer.synced();
    await informer.stop();
    await assert.rejects(waiting, /stopped/);
    front.mode = { do: 'hang' };
    const hanging = start().informer;
    await until(() => front.count(({ isWatch }) => !isWatch) >= 2);
    const begun = performance.now();
    await hanging.stop();
    assert.ok(performance.now() - begun < 500);
  });
});
