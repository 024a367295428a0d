import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { KubeClient } from '#lib/kube/client';
import { runController } from '#lib/kube/controller';
import { EventRecorder } from '#lib/kube/event-recorder';
import { Informer } from '#lib/kube/informer';
import { ObjectClient } from '#lib/kube/object-client';
import { type Crdserver, crdserverRequirements, startCrdserver } from '#test/peers/crdserver';
import { describePeers } from '#test/peers/require';
import { defineWidgets, parseWidget, TestLog, until, type Widget, widget, widgets } from '#test/support/kube/widgets';

describePeers(crdserverRequirements, 'controllers on an API server with custom resources only', () => {
  let crdserver: Crdserver;
  let api: KubeClient;
  let client: ObjectClient;

  before(async () => {
    crdserver = await startCrdserver();
    await defineWidgets(crdserver);
    api = await KubeClient.open({ kubeconfig: crdserver.kubeconfig, answerWithin: 10_000 });
    client = new ObjectClient(api);
  });
  after(async () => {
    api?.close();
    await crdserver?.stop();
  });

  it('applies, lists, watches and deletes, and writes the status', async () => {
    const log = new TestLog();
    const fieldManager = 'test';
    const informer = new Informer<Widget>({ client, resource: widgets, parse: parseWidget, watchSeconds: 2, log });
    const ending = new AbortController();
    const removed: string[] = [];
    const running = runController(
      {
        name: 'widget',
        client,
        fieldManager,
        informer,
        reconcile: async ({ spec }) => ({ status: { double: (spec.size ?? 0) * 2 } }),
        async removed(key) {
          removed.push(key);
        },
        log,
      },
      ending.signal,
    );
    await client.apply(widgets, widget('a', { size: 1, color: 'red' }), { fieldManager });
    informer.start();
    const doubles = async (double: number) => {
      const { status } = await client.get(widgets, { name: 'a' });
      return JSON.stringify(status) === JSON.stringify({ double });
    };
    await until(() => doubles(2));
    for (let size = 2; size < 6; size++) {
      const applied = await client.apply(widgets, widget('a', { size }), { fieldManager });
      assert.deepEqual(applied['spec'], { size });
      await until(() => doubles(size * 2));
      await until(() => informer.store.get('a')?.status?.['double'] === size * 2);
    }
    await client.delete(widgets, { name: 'a' });
    await until(() => removed.length === 1);
    ending.abort();
    await running;
    await informer.stop();
    assert.deepEqual(
      log.lines.filter(({ level }) => level !== 'debug'),
      [],
    );
  });

  it('goes on where events do not exist', async () => {
    const log = new TestLog();
    const recorder = new EventRecorder({ client, controller: 'fairlead.dev/operator', instance: 'x', log });
    const { apiVersion, kind, metadata } = await client.create(widgets, widget('b'));
    const event = { type: 'Normal', reason: 'Installed', action: 'Install', note: 'done' } as const;
    recorder.record({ apiVersion, kind, metadata }, event);
    await until(() => log.lines.length === 1);
    assert.equal(log.lines[0]?.message, 'an event is lost');
    await recorder.stop();
  });
});
