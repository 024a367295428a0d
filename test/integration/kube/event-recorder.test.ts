import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeClient } from '#lib/kube/client';
import { EventRecorder, type EventSubject, type EventToRecord, events } from '#lib/kube/event-recorder';
import type { KubeObject } from '#lib/kube/kube-object';
import { ObjectClient } from '#lib/kube/object-client';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { Front } from '#test/support/kube/front';
import { TestLog, until } from '#test/support/kube/widgets';

interface Written extends KubeObject {
  readonly note: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
  readonly regarding: { readonly kind: string; readonly name: string; readonly namespace?: string };
}

const subjectOf = (name: string, namespace?: string): EventSubject => ({
  apiVersion: 'test.fairlead.dev/v1',
  kind: 'Widget',
  metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid: `uid-${name}`, resourceVersion: '1' },
});
const failed: EventToRecord = { type: 'Warning', reason: 'InstallFailed', action: 'Install', note: 'the disk is full' };

describePeers(apiserverRequirements, 'EventRecorder', () => {
  let apiserver: Apiserver;
  let front: Front;
  let api: KubeClient;
  let direct: KubeClient;
  let others: ObjectClient;
  const recorders: EventRecorder[] = [];

  const start = () => {
    const log = new TestLog();
    const recorder = new EventRecorder({
      client: new ObjectClient(api),
      controller: 'fairlead.dev/operator',
      instance: 'operator-0',
      log,
      countEveryMs: 300,
    });
    recorders.push(recorder);
    return { recorder, log };
  };
  const written = async () => {
    const all = (await others.list(events, { most: 10_000 })) as Written[];
    return all.filter(({ regarding }) => regarding.kind === 'Widget');
  };

  before(async () => {
    apiserver = await startApiserver();
    front = await Front.start(apiserver);
    api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 1000 });
    direct = await KubeClient.open({ kubeconfig: apiserver.kubeconfig, answerWithin: 10_000 });
    others = new ObjectClient(direct);
  });
  beforeEach(() => {
    front.mode = { do: 'pass' };
    front.requests.length = 0;
  });
  afterEach(async () => {
    front.mode = { do: 'pass' };
    await Promise.all(recorders.splice(0).map((recorder) => recorder.stop()));
    for (const { metadata } of await written()) await others.delete(events, metadata);
  });
  after(async () => {
    api?.close();
    direct?.close();
    await front?.stop();
    await apiserver?.stop();
  });

  it('writes events about objects with and without a namespace, as kubectl shows them', async () => {
    const { recorder, log } = start();
    recorder.record(subjectOf('one'), failed);
    recorder.record(subjectOf('two', 'default'), { ...failed, type: 'Normal', reason: 'Installed' });
    await until(async () => (await written()).length === 2, 5000).catch(() => assert.fail(JSON.stringify(log.lines)));
    const core = await apiserver.request('GET', '/api/v1/events?fieldSelector=involvedObject.name=one');
    const [event] = (core.body as { items: Record<string, unknown>[] }).items;
    assert.deepEqual(
      [event?.['type'], event?.['reason'], event?.['message'], event?.['reportingComponent'], event?.['count']],
      ['Warning', 'InstallFailed', 'the disk is full', 'fairlead.dev/operator', 1],
    );
    assert.deepEqual(event?.['source'], { component: 'fairlead.dev/operator' });
    assert.match(`${event?.['firstTimestamp']} ${event?.['lastTimestamp']}`, /^\d{4}-\S+Z \d{4}-\S+Z$/);
    const places = (await written()).map(({ metadata, regarding }) => `${metadata.namespace} ${regarding.name}`);
    assert.deepEqual(places.sort(), ['default two', 'kube-system one']);
  });

  it('counts an event that occurs again, with few requests', async () => {
    const { recorder } = start();
    for (let i = 0; i < 1000; i++) recorder.record(subjectOf('one'), failed);
    await until(async () => (await written())[0]?.series?.count === 1000);
    for (let i = 0; i < 50; i++) {
      recorder.record(subjectOf('one'), failed);
      await sleep(20);
    }
    await until(async () => (await written())[0]?.series?.count === 1050);
    assert.equal((await written()).length, 1);
    assert.ok(front.count() <= 10, `${front.count()} requests`);
  });

  it('writes the last numbers when it stops', async () => {
    const { recorder } = start();
    recorder.record(subjectOf('one'), failed);
    await until(async () => (await written()).length === 1);
    recorder.record(subjectOf('one'), failed);
    await recorder.stop();
    recorder.record(subjectOf('one'), failed);
    assert.equal((await written())[0]?.series?.count, 2);
    await sleep(500);
    assert.equal((await written())[0]?.series?.count, 2);
  });

  it('writes an event anew that the API server has deleted meanwhile', async () => {
    const { recorder } = start();
    recorder.record(subjectOf('one'), failed);
    await until(async () => (await written()).length === 1);
    const [{ metadata } = assert.fail()] = await written();
    await others.delete(events, metadata);
    recorder.record(subjectOf('one'), failed);
    await until(async () => (await written())[0]?.series?.count === 2);
  });

  it('limits the events about one object, not those about others', async () => {
    const { recorder } = start();
    for (let i = 0; i < 100; i++) recorder.record(subjectOf('noisy'), { ...failed, note: `failure ${i}` });
    recorder.record(subjectOf('quiet'), failed);
    await until(async () => (await written()).some(({ regarding }) => regarding.name === 'quiet'));
    assert.equal((await written()).length, 26);
    assert.equal(front.count(), 26);
  });

  it('writes a message of several lines as one line, and the time when it has occurred last', async () => {
    const { recorder } = start();
    const event = { ...failed, note: 'no signature is valid:\n  one\n  two' };
    recorder.record(subjectOf('one'), event);
    await until(async () => (await written()).length === 1);
    const timeOf = async () => {
      const { body } = await apiserver.request('GET', '/api/v1/events?fieldSelector=involvedObject.name=one');
      const [{ lastTimestamp, count } = assert.fail()] = (body as { items: { lastTimestamp: string; count: number }[] })
        .items;
      return { at: Date.parse(lastTimestamp), count };
    };
    assert.equal((await written())[0]?.note, 'no signature is valid: one two');
    const { at: first } = await timeOf();
    // Times of the core group are in seconds.
    await sleep(1100);
    recorder.record(subjectOf('one'), event);
    await until(async () => (await timeOf()).count === 2);
    assert.ok((await timeOf()).at > first);
  });

  it('cuts off what is too long', async () => {
    const { recorder, log } = start();
    const long = 'x'.repeat(300);
    recorder.record(subjectOf('one'), { type: 'Warning', reason: long, action: long, note: '😀'.repeat(1000) });
    await until(async () => (await written()).length === 1);
    assert.match((await written())[0]?.note ?? '', /^(?:😀){255}…$/u);
    assert.deepEqual(log.lines, []);
  });

  it('logs what cannot be written, goes on, and remembers no more than it may', async () => {
    const { recorder, log } = start();
    front.mode = { do: 'answer', status: 403, body: 'no' };
    recorder.record(subjectOf('one'), failed);
    await until(() => log.lines.some(({ level, message }) => level === 'warn' && message === 'an event is lost'));
    front.mode = { do: 'pass' };
    recorder.record(subjectOf('one'), failed);
    await until(async () => (await written()).length === 1);
    front.mode = { do: 'hang' };
    for (let i = 0; i < 5000; i++) recorder.record(subjectOf(`many-${i}`), failed);
    const dropped = log.lines.filter(({ message }) => /too many/.test(message)).length;
    assert.ok(dropped >= 3990, `${dropped}`);
    const begun = performance.now();
    await recorder.stop();
    assert.ok(performance.now() - begun < 6000);
    await sleep(1500);
    assert.ok(front.count() < 12, `${front.count()}`);
  });
});
