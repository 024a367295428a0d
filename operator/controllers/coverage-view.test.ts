import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ApiError } from '#lib/kube/api-error';
import type { ObjectClient } from '#lib/kube/object-client';
import type { Resource } from '#lib/kube/resource';
import { TestLog } from '#test/support/kube/widgets';
import { reference, stateOf } from '#test/support/nginx-binding';
import { CoverageView } from './coverage-view.ts';
import { podInformer } from './pod-informer.ts';

it('a coverage that cannot be determined says which API is missing', async () => {
  const client = {
    async *pages({ plural }: Resource) {
      if (plural === 'profilebindings') {
        throw new ApiError('cannot list profilebindings: 404', { status: 404, reason: '', retryAfterMs: 1 });
      }
      yield { items: [], resourceVersion: '1' };
    },
    watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
  const log = new TestLog();
  const pods = podInformer({ client, log });
  const view = new CoverageView({ client, cluster: stateOf(), pods, log });
  pods.start();
  view.start();
  await assert.rejects(view.settled(), { message: 'cannot list profilebindings: 404' });
  await Promise.all([view.stop(), pods.stop()]);
});

it('the coverage of pods that are alike is determined once', async () => {
  const pod = (name: string, namespace: string) => ({
    metadata: { name, namespace, uid: name, resourceVersion: '1' },
    spec: { containers: [{ name: 'app', image: 'nginx' }] },
    status: { phase: 'Running' },
  });
  const client = {
    async *pages({ plural }: Resource) {
      const items = plural === 'pods' ? [pod('one', 'web'), pod('two', 'web'), pod('three', 'db')] : [];
      yield { items, resourceVersion: '1' };
    },
    watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
  const log = new TestLog();
  const pods = podInformer({ client, log });
  const view = new CoverageView({ client, cluster: stateOf(), pods, log });
  pods.start();
  view.start();
  await view.settled();
  const [one, two, three] = (await view.coverage()).pods;
  assert.deepEqual([one?.name, two?.name, three?.name], ['one', 'two', 'three']);
  assert.equal(two?.containers, one?.containers);
  assert.notEqual(three?.containers, one?.containers);
  await Promise.all([view.stop(), pods.stop()]);
});

it('the coverage names the reason for pods whose bindings are not held', async () => {
  const meta = (name: string, namespace: string) => ({ name, namespace, uid: name, resourceVersion: '1' });
  const pod = (name: string, namespace: string) => ({
    metadata: meta(name, namespace),
    spec: { containers: [{ name: 'app', image: 'nginx' }] },
    status: { phase: 'Running' },
  });
  const spec = {
    reference,
    podSelector: {},
    images: Array.from({ length: 64 }, (_, i) => `a.b/${'c'.repeat(230)}${i}`),
  };
  const binding = (index: number) => ({ metadata: meta(`b${index}`, 'hog'), spec });
  const client = {
    async *pages({ plural }: Resource) {
      const bindings = plural === 'artifactbindings' ? Array.from({ length: 700 }, (_, index) => binding(index)) : [];
      const items = plural === 'pods' ? [pod('one', 'hog'), pod('two', 'web')] : bindings;
      yield { items, resourceVersion: '1' };
    },
    watch: (_resource: Resource, _options: object, _onEvent: object, signal: AbortSignal) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  } as unknown as ObjectClient;
  const log = new TestLog();
  const pods = podInformer({ client, log });
  const view = new CoverageView({ client, cluster: stateOf(), pods, log });
  pods.start();
  view.start();
  await view.settled();
  const problems = (await view.coverage()).pods.map(({ containers }) => containers[0]?.problem);
  assert.deepEqual(problems, [
    'the ArtifactBindings take too much memory to be held: delete some, or make them smaller',
    undefined,
  ]);
  await Promise.all([view.stop(), pods.stop()]);
});
