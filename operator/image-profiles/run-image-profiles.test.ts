import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { TestLog } from '#test/support/kube/widgets';
import { mostBindingBytes } from '../kube/list-bindings.ts';
import { runImageProfiles } from './run-image-profiles.ts';

const large = 'v'.repeat(15_000);
const binding = (namespace: string, number: number) => ({
  metadata: { namespace, name: `b${number}`, uid: `${namespace}-${number}`, resourceVersion: '1' },
  spec: {
    profileFrom: 'ImageReferrers',
    podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: [large] }] },
  },
});
const profile = (namespace: string) => ({
  metadata: {
    ...{ namespace, name: 'image-a', uid: `p-${namespace}`, resourceVersion: '1' },
    ownerReferences: [{ apiVersion: 'fairlead.dev/v1alpha1', kind: 'ArtifactBinding', name: 'gone', uid: 'gone' }],
  },
});

it('profiles of images whose binding is gone are deleted, unless the bindings of their namespace are not held', async () => {
  const many = Math.ceil(mostBindingBytes / large.length);
  const objects: Readonly<Record<string, readonly object[]>> = {
    artifactbindings: Array.from({ length: many }, (_, number) => binding('hog', number)),
    profileartifacts: [profile('hog'), profile('web')],
  };
  const deleted = Promise.withResolvers<string>();
  const namespaces: string[] = [];
  const client = {
    async *pages({ plural }: Resource) {
      yield { items: objects[plural] ?? [], resourceVersion: '1' };
    },
    watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    async delete(_resource: Resource, { namespace = '' }: { readonly namespace?: string }) {
      namespaces.push(namespace);
      if (namespace === 'web') deleted.resolve(namespace);
    },
  } as unknown as ObjectClient;
  const pods = { store: new Map(), synced: async () => undefined, onChange: () => () => undefined };
  const stopped = new AbortController();
  const running = runImageProfiles(
    {
      ...{ client, pods: pods as never, fieldManager: 'test', log: new TestLog() },
      cluster: { namespaceLabels: () => undefined },
      report: () => undefined,
    },
    stopped.signal,
  );
  await deleted.promise;
  stopped.abort();
  await running;
  assert.deepEqual(namespaces, ['web']);
});
