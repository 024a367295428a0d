import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ObjectClient } from '#lib/kube/object-client';
import { TestLog } from '#test/support/kube/widgets';
import { podInformer } from './pod-informer.ts';

it('a pod that admission would not read keeps the profiles that it uses', async () => {
  const containers = Array.from({ length: 1001 }, (_, index) => ({ name: `c${index}` }));
  const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/nginx.json' } };
  const pod = (name: string, spec: object) => ({
    metadata: { name, namespace: 'web', uid: name, resourceVersion: '1' },
    spec: { securityContext, ...spec },
  });
  const items = [pod('large', { containers }), pod('small', { containers: containers.slice(0, 1) })];
  const client = {
    async *pages() {
      yield { items, resourceVersion: '1' };
    },
    watch: (_resource: object, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
  const informer = podInformer({ client, log: new TestLog() });
  informer.start();
  await informer.synced();
  const users = informer.store.byIndex('uses', 'seccomp:operator/nginx.json');
  assert.deepEqual(
    users.map(({ name, running }) => [name, running?.name]),
    [
      ['web/large', undefined],
      ['web/small', 'small'],
    ],
  );
  await informer.stop();
});
