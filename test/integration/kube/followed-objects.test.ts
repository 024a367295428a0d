import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { KubeClient } from '#lib/kube/client';
import { type CurrentList, CurrentLists } from '#lib/kube/current-lists';
import { FollowedObjects } from '#lib/kube/followed-objects';
import { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { bindingMarker } from '#operator/kube/binding-marker';
import { type Apiserver, apiserverRequirements, startApiserver } from '#test/peers/apiserver';
import { describePeers } from '#test/peers/require';
import { askWhileWriting } from '#test/support/kube/ask-while-writing';
import { Front, type FrontMode, type SeenRequest } from '#test/support/kube/front';
import { manifest, until } from '#test/support/operator-cluster';

const resource: Resource = {
  group: 'fairlead.dev',
  version: 'v1alpha1',
  plural: 'artifactbindings',
  kind: 'ArtifactBinding',
  namespaced: true,
};
const spec = { reference: `registry.example.com/security/nginx@sha256:${'a1'.repeat(32)}`, podSelector: {} };
const namespaces = ['n1', 'n2'];
const isMark = ({ method }: SeenRequest): boolean => method === 'PATCH';
const isList = ({ method, isWatch }: SeenRequest): boolean => method === 'GET' && !isWatch;

describePeers(apiserverRequirements, 'FollowedObjects', () => {
  let apiserver: Apiserver;
  let front: Front;
  let api: KubeClient;
  let direct: ObjectClient;
  let closeDirect: () => void;
  before(async () => {
    apiserver = await startApiserver();
    const { request } = apiserver;
    for (const definition of manifest('crds/artifactbindings.yaml')) {
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      assert.equal((await request('POST', path, definition)).status, 201);
    }
    const collection = '/apis/fairlead.dev/v1alpha1/artifactbindings';
    await until('the CRD is served', async () => (await request('GET', collection)).status === 200);
    for (const name of [...namespaces, 'n3']) {
      await request('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    front = await Front.start(apiserver);
    const client = await KubeClient.open({ kubeconfig: apiserver.kubeconfig, answerWithin: 10_000 });
    closeDirect = () => client.close();
    direct = new ObjectClient(client);
    api = await KubeClient.open({ kubeconfig: front.kubeconfig, answerWithin: 10_000 });
  });
  after(async () => {
    api?.close();
    closeDirect?.();
    await front?.stop();
    await apiserver?.stop();
  });

  let followed: FollowedObjects<string>;
  let list: CurrentList<string>;
  let warnings: string[];
  beforeEach(() => {
    front.mode = { do: 'pass' };
    front.requests.length = 0;
    warnings = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => warnings.push(line) });
    const parse = ({ metadata }: { readonly metadata: { readonly name: string } }): string => metadata.name;
    followed = new FollowedObjects({
      ...{ client: new ObjectClient(api), resource, parse, log, most: 500, fieldManager: 'test' },
      marker: bindingMarker(resource, 'n1'),
    });
    list = new CurrentLists(api).of({ resource, parse, followed });
    followed.start();
  });
  afterEach(async () => {
    front.mode = { do: 'pass' };
    await followed.stop();
  });

  /** Asks until the objects in memory answer. */
  const untilFollowed = () =>
    until('the objects are followed', async () => (await followed.current('if possible')) !== undefined);
  const named = async (namespace: string, name: string): Promise<boolean> =>
    (await list.list(namespace)).includes(name);

  it('have what was created before the question, and nothing that was deleted before it', async () => {
    await untilFollowed();
    front.requests.length = 0;
    const { asked, took } = await askWhileWriting({ client: direct, resource, spec, list, namespaces, seconds: 3 });
    const [marks, lists] = [front.count(isMark), front.count(isList)];
    assert.ok(marks > 0 && marks <= 1 + 12.5 * took, `${marks} marks in ${took} s`);
    assert.ok(lists <= 3 + 17 * took, `${lists} lists in ${took} s`);
    assert.ok(asked > marks + lists, `${asked} questions, ${marks} marks, ${lists} lists`);
    assert.deepEqual(warnings, []);
  });

  it('are not asked for where a list costs less', async () => {
    await untilFollowed();
    front.requests.length = 0;
    assert.equal(await followed.current('if cheaper'), undefined);
    assert.equal(front.count(), 0);
  });

  it('are listed if their changes are not delivered', async () => {
    await untilFollowed();
    front.stall();
    await direct.create(resource, { metadata: { name: 'late', namespace: 'n2' }, spec });
    assert.equal(await followed.current('if possible'), undefined);
    assert.ok(await named('n2', 'late'));
    assert.match(warnings.join(), /listed for each admission/);
    // Nothing is tried for a while.
    front.requests.length = 0;
    assert.equal(await followed.current('if possible'), undefined);
    assert.equal(front.count(isMark), 0);
  });

  const refusals: readonly (readonly [title: string, mode: FrontMode])[] = [
    ['forbidden', { do: 'answer', status: 403, body: '{"kind":"Status","reason":"Forbidden","message":"no"}' }],
    ['answered as by something else', { do: 'answer', status: 200, body: '{}' }],
    ['cut off', { do: 'drop' }],
  ];
  for (const [title, mode] of refusals) {
    it(`are listed if the write to the marker is ${title}`, async () => {
      await untilFollowed();
      front.mode = (request) => (isMark(request) ? mode : { do: 'pass' });
      await direct.create(resource, { metadata: { name: title.replaceAll(' ', '-'), namespace: 'n2' }, spec });
      assert.equal(await followed.current('if possible'), undefined);
      assert.ok(await named('n2', title.replaceAll(' ', '-')));
      assert.equal(warnings.length, 1);
    });
  }

  it('are shown to be current by one write at a time', async () => {
    await untilFollowed();
    front.requests.length = 0;
    front.mode = (request) => (isMark(request) ? { do: 'hang' } : { do: 'pass' });
    const first = followed.current('if possible');
    await until('it is written', async () => front.count(isMark) === 1);
    const second = followed.current('if possible');
    // Longer than the pace of the writes.
    await sleep(300);
    assert.equal(front.count(isMark), 1);
    front.mode = { do: 'pass' };
    front.cut();
    assert.equal(await first, undefined);
    // Those who have waited do not try again what has just failed.
    assert.equal(await second, undefined);
    assert.equal(front.count(isMark), 1);
  });

  it('are the same array as long as no specification changes', async () => {
    await untilFollowed();
    const before = (await followed.current('if possible'))?.('n1');
    // The status of the marker, in the same namespace, has changed since.
    assert.ok(before !== undefined && before === (await followed.current('if possible'))?.('n1'));
  });

  it('make the marker again after it was deleted', async () => {
    await untilFollowed();
    await direct.delete(resource, { namespace: 'n1', name: 'fairlead-marker' });
    assert.notEqual(await followed.current('if possible'), undefined);
    const { metadata } = await direct.get(resource, { namespace: 'n1', name: 'fairlead-marker' });
    assert.deepEqual(metadata.labels, { 'fairlead.dev/marker': 'true' });
  });

  it('are listed if the namespace of the marker does not exist', async () => {
    const parse = (): string => '';
    const lost = new FollowedObjects({
      ...{ client: new ObjectClient(api), resource, parse, log: pino({ level: 'silent' }), most: 500 },
      ...{ fieldManager: 'test', marker: bindingMarker(resource, 'absent') },
    });
    lost.start();
    await until('a write was tried', async () => {
      await lost.current('if possible');
      return front.count(({ method }) => method === 'POST') > 0;
    });
    assert.equal(await lost.current('if possible'), undefined);
    await lost.stop();
  });

  it('report an object that cannot be read, and more than are answered', async (t) => {
    const parse = ({ metadata: { name } }: { readonly metadata: { readonly name: string } }): string => {
      if (name === 'unreadable') throw new Error('unreadable');
      return name;
    };
    const strict = new FollowedObjects({
      ...{ client: new ObjectClient(api), resource, parse, log: pino({ level: 'silent' }), most: 3 },
      ...{ fieldManager: 'test', marker: bindingMarker(resource, 'n1') },
    });
    strict.start();
    t.after(() => strict.stop());
    const names = async (): Promise<readonly string[]> => {
      const view = await strict.current('if possible');
      assert.ok(view !== undefined);
      return view('n3') ?? [];
    };
    const create = (name: string) => direct.create(resource, { metadata: { name, namespace: 'n3' }, spec });
    await until('the objects are followed', async () => (await strict.current('if possible')) !== undefined);
    await create('unreadable');
    await assert.rejects(names(), /unreadable/);
    await direct.delete(resource, { name: 'unreadable', namespace: 'n3' });
    for (const name of ['a3', 'a1', 'a2']) await create(name);
    assert.deepEqual(await names(), ['a1', 'a2', 'a3']);
    await create('a4');
    await assert.rejects(names(), { kind: 'LimitExceeded', message: /namespace n3: there are more than 3/ });
    await direct.delete(resource, { name: 'a1', namespace: 'n3' });
    assert.deepEqual(await names(), ['a2', 'a3', 'a4']);
  });
});
