import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ObjectClient } from '#lib/kube/object-client';
import { TestLog } from '#test/support/kube/widgets';
import { podInformer } from './pod-informer.ts';

/** Returns a client of an API server that has these pods, and then no changes. */
function clientOf(items: readonly object[]): ObjectClient {
  return {
    async *pages() {
      yield { items, resourceVersion: '1' };
    },
    watch: (_resource: object, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
}

it('a pod that admission would not read keeps the profiles that it uses', async () => {
  const containers = Array.from({ length: 1001 }, (_, index) => ({ name: `c${index}` }));
  const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/nginx.json' } };
  const pod = (name: string, spec: object) => ({
    metadata: { name, namespace: 'web', uid: name, resourceVersion: '1' },
    spec: { securityContext, ...spec },
  });
  const [first] = containers;
  const long = { ...first, image: 'i'.repeat(20_000) };
  const items = [
    pod('many', { containers }),
    pod('large', { containers: [long] }),
    pod('small', { containers: [first] }),
  ];
  const informer = podInformer({ client: clientOf(items), log: new TestLog() });
  informer.start();
  await informer.synced();
  const users = informer.store.byIndex('uses', 'seccomp:operator/nginx.json');
  assert.deepEqual(
    users.map(({ name, running }) => [name, running?.name]),
    [
      ['web/many', undefined],
      ['web/large', undefined],
      ['web/small', 'small'],
    ],
  );
  await informer.stop();
});

it('pods of one owner are held as one object, with their own names and phases', async () => {
  const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/nginx.json' } };
  const pod = (name: string, { app = 'nginx', phase = 'Running', namespace = 'web', owner = 'nginx' } = {}) => ({
    metadata: {
      ...{ name, namespace, uid: name, resourceVersion: '1', labels: { app } },
      annotations: { 'cni.example.com/address': `address of ${name}` },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: owner, controller: true }],
    },
    spec: { securityContext, nodeName: `node of ${name}`, containers: [{ name: 'app', image: 'nginx' }] },
    status: { phase },
  });
  const items = [
    ...[pod('one'), pod('two', { phase: 'Pending' }), pod('ended', { phase: 'Succeeded' })],
    ...[pod('other-label', { app: 'other' }), pod('other-place', { namespace: 'db' }), pod('o', { owner: 'other' })],
  ];
  const informer = podInformer({ client: clientOf(items), log: new TestLog() });
  informer.start();
  await informer.synced();
  const [one, two, ...others] = [...informer.store.values()];
  assert.deepEqual(
    [one, two].map((each) => [each?.name, each?.running?.name, each?.running?.isRunning]),
    [
      ['web/one', 'one', true],
      ['web/two', 'two', false],
    ],
  );
  assert.equal(two?.running?.pod, one?.running?.pod);
  assert.equal(two?.running?.owner, one?.running?.owner);
  assert.equal(two?.uses, one?.uses);
  assert.deepEqual(one?.uses, ['seccomp:operator/nginx.json']);
  assert.deepEqual(
    others.map(({ name, uses, running }) => [
      ...[name, uses.length, running?.owner?.name, running?.pod.metadata.labels?.get('app')],
      running?.pod === one?.running?.pod,
    ]),
    [
      ['web/ended', 0, 'nginx', 'nginx', false],
      ['web/other-label', 1, 'nginx', 'other', false],
      ['db/other-place', 1, 'nginx', 'nginx', false],
      ['web/o', 1, 'other', 'nginx', false],
    ],
  );
  await informer.stop();
});
